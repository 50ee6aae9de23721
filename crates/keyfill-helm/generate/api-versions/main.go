// Prints the API versions that helm v3.22.0 knows by itself, one a line: what `.Capabilities.APIVersions`
// holds without a cluster. Its output is src/capabilities/api_versions.txt.
//
//	go run . > ../../src/capabilities/api_versions.txt
package main

import (
	"fmt"

	"helm.sh/helm/v3/pkg/chartutil"
)

func main() {
	for _, version := range chartutil.DefaultVersionSet {
		fmt.Println(version)
	}
}
