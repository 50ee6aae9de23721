// cmp-server is argocd-cmp-server itself, of the released version that go.mod names. Tests compare
// keyfill serve with it, and the load generator can drive it.
//
// The version is the newest whose parts are all released modules: those of Argo CD 3.3 and later keep one of
// them in a folder of their own repository, which no other module can name. The server's code is the same.
package main

import (
	"os"

	"github.com/argoproj/argo-cd/v3/cmd/argocd-cmp-server/commands"
)

func main() {
	if err := commands.NewCommand().Execute(); err != nil {
		os.Exit(1)
	}
}
