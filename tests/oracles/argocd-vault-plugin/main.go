// The official argocd-vault-plugin, built from its module, for `cargo bench --bench pipeline`.
package main

import (
	"os"

	"github.com/argoproj-labs/argocd-vault-plugin/cmd"
)

func main() {
	if cmd.NewRootCommand().Execute() != nil {
		os.Exit(1)
	}
}
