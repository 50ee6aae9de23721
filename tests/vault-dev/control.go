package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	nethttp "net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/vault"
)

// counter counts what Vault is asked for, by method and path, as an audit log would.
type counter struct {
	mutex  sync.Mutex
	counts map[string]int
}

func (c *counter) wrap(next nethttp.Handler) nethttp.Handler {
	return nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		c.mutex.Lock()
		c.counts[r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1/")]++
		c.mutex.Unlock()
		next.ServeHTTP(w, r)
	})
}

// control is what tests command through, and the services that auth methods call.
func control(core *vault.Core, key []byte, token string, c *counter) nethttp.Handler {
	mux := nethttp.NewServeMux()
	done := func(w nethttp.ResponseWriter, err error) {
		if err != nil {
			nethttp.Error(w, err.Error(), 500)
		}
	}
	mux.HandleFunc("POST /seal", func(w nethttp.ResponseWriter, _ *nethttp.Request) { done(w, core.Seal(token)) })
	mux.HandleFunc("POST /unseal", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		_, err := core.Unseal(append([]byte{}, key...))
		done(w, err)
	})
	mux.HandleFunc("GET /counts", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		reply(w, 200, c.counts)
	})
	mux.HandleFunc("DELETE /counts", func(nethttp.ResponseWriter, *nethttp.Request) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		clear(c.counts)
	})
	newIssuer().register(mux)
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", reviewToken)
	registerGitHub(mux)
	return mux
}

func reply(w nethttp.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// issuer signs JSON web tokens.
type issuer struct{ key *ecdsa.PrivateKey }

func newIssuer() issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return issuer{key}
}

// register adds GET /jwt/key, the public key in PEM, and POST /jwt, which signs the claims of its body and
// adds times: the token holds for a minute.
func (i issuer) register(mux *nethttp.ServeMux) {
	mux.HandleFunc("GET /jwt/key", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		raw, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
		must(err)
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: raw})
	})
	mux.HandleFunc("POST /jwt", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		claims := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&claims); err != nil {
			nethttp.Error(w, err.Error(), 400)
			return
		}
		now := time.Now().Unix()
		claims["iat"], claims["nbf"], claims["exp"] = now-5, now-5, now+60
		fmt.Fprint(w, i.sign(claims))
	})
}

func (i issuer) sign(claims map[string]any) string {
	part := func(v any) string {
		raw, err := json.Marshal(v)
		must(err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"alg": "ES256", "typ": "JWT"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	must(err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// reviewToken answers as a Kubernetes API server would: it takes the tokens of service accounts, by their
// subject, and refuses one whose subject is anything else.
func reviewToken(w nethttp.ResponseWriter, r *nethttp.Request) {
	var review struct {
		Spec struct {
			Token     string   `json:"token"`
			Audiences []string `json:"audiences"`
		} `json:"spec"`
	}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &review)
	var claims struct {
		Subject   string   `json:"sub"`
		Audiences []string `json:"aud"`
	}
	if parts := strings.Split(review.Spec.Token, "."); len(parts) == 3 {
		raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(raw, &claims)
	}
	status := map[string]any{"authenticated": false, "error": "invalid bearer token"}
	if strings.HasPrefix(claims.Subject, "system:serviceaccount:") {
		user := map[string]any{"username": claims.Subject, "uid": "0001", "groups": []string{"system:serviceaccounts"}}
		// Of the audiences that are asked for, those that the token is for.
		audiences := slices.DeleteFunc(review.Spec.Audiences, func(a string) bool {
			return !slices.Contains(claims.Audiences, a)
		})
		status = map[string]any{"authenticated": true, "user": user, "audiences": audiences}
	}
	reply(w, 201, map[string]any{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})
}

// registerGitHub adds the part of GitHub's API that the auth method asks: one organization, and a user whose
// token is "gh-token".
func registerGitHub(mux *nethttp.ServeMux) {
	organization := map[string]any{"login": "org", "id": 7}
	answer := func(path string, body any) {
		mux.HandleFunc("GET /github/"+path, func(w nethttp.ResponseWriter, r *nethttp.Request) {
			if path != "orgs/org" && r.Header.Get("Authorization") != "Bearer gh-token" {
				reply(w, 401, map[string]string{"message": "Bad credentials"})
				return
			}
			reply(w, 200, body)
		})
	}
	answer("orgs/org", organization)
	answer("user", map[string]any{"login": "dev", "id": 1})
	answer("user/orgs", []any{organization})
	answer("user/teams", []any{})
}
