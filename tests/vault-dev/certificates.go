package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// withTLS makes an authority, a server certificate and a client certificate, writes ca.pem, client.pem and
// client.key into dir, and returns what puts TLS on a listener. The server's certificate is for 127.0.0.1,
// localhost and vault.test; a client certificate is asked for and not required, as Vault does by default.
func withTLS(dir string) func(net.Listener) net.Listener {
	authorityKey, authority := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil, nil)
	serverKey, server := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "vault.test"}, DNSNames: []string{"localhost", "vault.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}, authority, authorityKey)
	clientKey, client := certificate(&x509.Certificate{
		Subject: pkix.Name{CommonName: "keyfill"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}, authority, authorityKey)
	writePEM(filepath.Join(dir, "ca.pem"), "CERTIFICATE", authority.Raw)
	writePEM(filepath.Join(dir, "client.pem"), "CERTIFICATE", client.Raw)
	encoded, err := x509.MarshalPKCS8PrivateKey(clientKey)
	must(err)
	writePEM(filepath.Join(dir, "client.key"), "PRIVATE KEY", encoded)
	config := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}},
		ClientAuth:   tls.RequestClientCert, NextProtos: []string{"http/1.1"},
	}
	return func(l net.Listener) net.Listener { return tls.NewListener(l, config) }
}

// certificate signs a template with a parent's key, or with its own when there is no parent.
func certificate(template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	if parent == nil {
		parent, parentKey = template, key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(24 * time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	must(err)
	made, err := x509.ParseCertificate(raw)
	must(err)
	return key, made
}

func writePEM(path, kind string, raw []byte) {
	must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
}
