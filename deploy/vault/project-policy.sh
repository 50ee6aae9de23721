#!/bin/sh
# The policy argocd-PROJECT: what apps of the project may read. Made from project-policy.hcl, which has the project blue.
#
#   PROJECT=green sh deploy/vault/project-policy.sh
set -eu
: "${PROJECT:?name the project}"
# It becomes a part of a path with a glob: a "*" or "/" in it would open other projects' secrets.
case $PROJECT in
*[!a-z0-9.-]*) echo "PROJECT=$PROJECT: letters, digits, dots and hyphens only" >&2; exit 2 ;;
esac
sed "s|secret/data/blue/|secret/data/$PROJECT/|" "$(dirname "$0")/project-policy.hcl" |
  vault policy write "argocd-$PROJECT" -
