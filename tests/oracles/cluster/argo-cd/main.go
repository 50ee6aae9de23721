// argo-cd is the servers of the Argo CD that go.mod names, the first argument says which: tests start them beside
// `keyfill serve`. The web server and the command line are left out, so that it builds in minutes.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	applicationset "github.com/argoproj/argo-cd/v3/cmd/argocd-applicationset-controller/commands"
	cmp "github.com/argoproj/argo-cd/v3/cmd/argocd-cmp-server/commands"
	commit "github.com/argoproj/argo-cd/v3/cmd/argocd-commit-server/commands"
	askpass "github.com/argoproj/argo-cd/v3/cmd/argocd-git-ask-pass/commands"
	repo "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	"github.com/argoproj/argo-cd/v3/util/log"
)

var servers = map[string]func() *cobra.Command{
	"application-controller":    controller.NewCommand,
	"applicationset-controller": applicationset.NewCommand,
	"cmp-server":                cmp.NewCommand,
	"commit-server":             commit.NewCommand,
	"git-ask-pass":              askpass.NewCommand,
	"repo-server":               repo.NewCommand,
}

func main() {
	if len(os.Args) < 2 || servers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "the first argument names one of Argo CD's servers")
		os.Exit(2)
	}
	// As Argo CD's own program does: client-go's messages are in Argo CD's log.
	klog.SetLogger(log.NewLogrusLogger(log.NewWithCurrentConfig()))
	command := servers[os.Args[1]]()
	command.SetArgs(os.Args[2:])
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
