#!/usr/bin/env bash
# Runs the official tool and keyfill on the same work in turn and prints each one's median CPU time and peak
# memory. usage: benches/beside.sh KEYFILL ORACLES CORPUS   (binaries; the conformance corpus)
set -euo pipefail
keyfill=$(realpath "$1") oracles=$(realpath "$2") corpus=$(realpath "$3")
runs=${RUNS:-7}
export PATH=$oracles:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
once() { # FILE DIR STDIN COMMAND...
  local into=$1 dir=$2 stdin=$3
  shift 3
  (cd "$dir" && /usr/bin/time -a -o "$into" -f '%U %S %M' "$@" < "$stdin" > /dev/null 2>> "$work/said") || true
}
median() { awk '{ print ($1 + $2) * 1000, $3 / 1024 }' "$1" | sort -n | awk '{ c[NR] = $1; if ($2 > m) m = $2 } END { printf "%.0f %.0f", c[int((NR + 1) / 2)], m }'; }
row() { # NAME DIR STDIN OFFICIAL -- OURS
  local name=$1 dir=$2 stdin=$3 official=() i
  shift 3
  while [ "$1" != -- ]; do official+=("$1"); shift; done
  shift
  rm -f "$work/a" "$work/b"
  for ((i = 0; i < runs; i++)); do
    once "$work/a" "$dir" "$stdin" "${official[@]}"
    once "$work/b" "$dir" "$stdin" "$@"
  done
  read -r ca ma <<< "$(median "$work/a")"
  read -r cb mb <<< "$(median "$work/b")"
  awk -v n="$name" -v ca="$ca" -v ma="$ma" -v cb="$cb" -v mb="$mb" \
    'BEGIN { printf "| %s | %d ms, %d MB | %d ms, %d MB | %.1f | %.1f |\n", n, ca, ma, cb, mb, ca / (cb ? cb : 1), ma / mb }'
}
real=$corpus/kustomize/real/repos charts=$corpus/helm/real/charts
echo "| work | official | keyfill | CPU ratio | memory ratio |"
echo "|---|---|---|---|---|"
row "argo-cd install with hydrator" "$real/argoproj+argo-cd/manifests/cluster-install-with-hydrator" /dev/null kustomize build . -- "$keyfill" render .
row "kserve overlays/all" "$real/kserve+kserve/config/overlays/all" /dev/null kustomize build . -- "$keyfill" render .
mkdir "$work/trivial" && printf 'resources: [c.yaml]\nnamePrefix: x-\n' > "$work/trivial/kustomization.yaml"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n' > "$work/trivial/c.yaml"
row "a kustomization of one ConfigMap" "$work/trivial" /dev/null kustomize build . -- "$keyfill" render .
row "kube-prometheus-stack chart" "$charts/prometheus-community+helm-charts/kube-prometheus-stack" /dev/null helm template rel . -- "$keyfill" render . --release-name rel
(cd "$real/kserve+kserve/config/overlays/all" && "$keyfill" render .) > "$work/large.yaml"
printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: <path:secret/data/x#y>}\n' >> "$work/large.yaml"
printf 'secret/data/x: {y: z}\n' > "$work/secrets.yaml"
chmod 600 "$work/secrets.yaml"
row "7.6 MB on stdin, one Secret to fill (beside cat)" "$work" "$work/large.yaml" cat -- "$keyfill" generate - --source file --secrets-file secrets.yaml
row "the same with --compat avp (beside cat)" "$work" "$work/large.yaml" cat -- "$keyfill" generate - --compat avp --source file --secrets-file secrets.yaml
