// Encrypts and decrypts with SOPS' own library, many files in one process: a start of the program for each would be
// most of the time.
//
// Each line of stdin is a request in JSON: the file's name, the rule as a flag of sops with its value, and the text.
// Each line of stdout is the answer: the encrypted text, and what it is decrypted to; null for what SOPS refuses.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/decrypt"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/version"
)

type request struct {
	Name      string   `json:"name"`
	Recipient string   `json:"recipient"`
	Rule      []string `json:"rule"`
	Text      []byte   `json:"text"`
}

type answer struct {
	Sealed []byte `json:"sealed"`
	Plain  []byte `json:"plain"`
}

// encrypt does what the command of that name does.
func encrypt(r request) ([]byte, error) {
	store := common.StoreForFormat(formats.FormatForPath(r.Name), config.NewStoresConfig())
	branches, err := store.LoadPlainFile(r.Text)
	if err != nil {
		return nil, err
	}
	if len(branches) < 1 || store.HasSopsTopLevelKey(branches[0]) {
		return nil, errors.New("empty, or encrypted already")
	}
	keys, err := age.MasterKeysFromRecipients(r.Recipient)
	if err != nil {
		return nil, err
	}
	var group sops.KeyGroup
	for _, key := range keys {
		group = append(group, key)
	}
	metadata := sops.Metadata{KeyGroups: []sops.KeyGroup{group}, Version: version.Version}
	switch {
	case len(r.Rule) == 0:
		metadata.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	case r.Rule[0] == "--unencrypted-suffix":
		metadata.UnencryptedSuffix = r.Rule[1]
	case r.Rule[0] == "--encrypted-suffix":
		metadata.EncryptedSuffix = r.Rule[1]
	case r.Rule[0] == "--unencrypted-regex":
		metadata.UnencryptedRegex = r.Rule[1]
	case r.Rule[0] == "--encrypted-regex":
		metadata.EncryptedRegex = r.Rule[1]
	default:
		return nil, fmt.Errorf("unknown rule %q", r.Rule)
	}
	tree := sops.Tree{Branches: branches, Metadata: metadata, FilePath: "/" + r.Name}
	key, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		return nil, errs[0]
	}
	if err := common.EncryptTree(common.EncryptTreeOpts{DataKey: key, Tree: &tree, Cipher: aes.NewCipher()}); err != nil {
		return nil, err
	}
	return store.EmitEncryptedFile(tree)
}

func serve() error {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var r request
		if err := in.Decode(&r); err != nil {
			return err
		}
		var a answer
		if sealed, err := encrypt(r); err == nil {
			a.Sealed = sealed
			if plain, err := decrypt.DataWithFormat(sealed, formats.FormatForPath(r.Name)); err == nil {
				a.Plain = append([]byte{}, plain...)
			}
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
