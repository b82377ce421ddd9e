#!/usr/bin/env bash
# Proves the Dockerfile where no container engine runs: builds it with buildah on a stand-in base (Debian from
# debootstrap with the Node of this machine), then runs its entry point by chroot, as the image's own user, on a real
# Pushgateway. Needs root and Debian's buildah, debootstrap and prometheus-pushgateway. Takes a minute or two.
# Exit code 77: no base could be made here, so nothing is proven. Anything that goes wrong after that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
storage=(--root "$work/storage" --runroot "$work/run")
gateway_pid=
based=no
cleanup() {
  local code=$?
  [ -z "$gateway_pid" ] || kill "$gateway_pid" || true
  for place in proc dev spool .; do
    [ -z "${mounted:-}" ] || umount -l "$mounted/$place" 2>/dev/null || true
  done
  buildah "${storage[@]}" rm -a >/dev/null 2>&1 || true
  # Never into something that is still mounted there.
  rm -rf --one-file-system "$work"
  if [ "$code" -ne 0 ] && [ "$based" = no ]; then
    echo 'no stand-in for the base image could be made here' >&2
    exit 77
  fi
}
trap cleanup EXIT

echo '== a stand-in for the base image'
debootstrap --variant=minbase --include=ca-certificates bookworm "$work/base" >"$work/debootstrap.log"
node=$(readlink -f "$(command -v node)")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
install -D "$node" "$work/base/usr/local/bin/node"
mkdir -p "$work/base/usr/local/lib/node_modules"
cp -r "$npm" "$work/base/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/base/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/base/usr/local/bin/npx"
# Whatever this machine needs to reach its registry.
cp /etc/ssl/certs/ca-certificates.crt "$work/base/etc/ssl/certs/"
printf 'registry=%s\ncafile=/etc/ssl/certs/ca-certificates.crt\n' "$(npm config get registry)" >"$work/base/root/.npmrc"
base=$(buildah "${storage[@]}" from scratch)
buildah "${storage[@]}" copy -q "$base" "$work/base" / >/dev/null
buildah "${storage[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
buildah "${storage[@]}" commit -q "$base" localhost/node-stand-in >/dev/null

based=yes

echo '== the Dockerfile'
buildah "${storage[@]}" build -q --build-arg NODE_IMAGE=localhost/node-stand-in -t localhost/prombatch .
image=$(buildah "${storage[@]}" inspect --type image localhost/prombatch)
field() { node -p "JSON.stringify(JSON.parse(process.argv[1]).OCIv1.config.$1)" "$image"; }
user=$(field User)
entry=$(field Entrypoint)
echo "user $user, entry point $entry, command $(field Cmd)"
[ "$user" = '"65532:65532"' ] || { echo 'expected a numeric user' >&2; exit 1; }

echo '== its entry point on a real Pushgateway, with a root that cannot be written'
prometheus-pushgateway --persistence.file= --web.listen-address=127.0.0.1:19391 2>"$work/gateway.log" &
gateway_pid=$!
container=$(buildah "${storage[@]}" from localhost/prombatch)
mounted=$(buildah "${storage[@]}" mount "$container")
cat >"$mounted/work/job.mjs" <<'JOB'
import { defineJob } from 'prombatch';
import { Gauge } from 'prom-client';
export default defineJob({
  name: 'image_module',
  run: ({ registry }) => new Gauge({ name: 'level', help: 'A level.', registers: [registry] }).set(4),
});
JOB
# As a new volume gets it: the owner of the folder that it is mounted on.
mkdir "$work/spool" && chown --reference="$mounted/spool" "$work/spool"
mount --bind "$mounted" "$mounted" && mount -o remount,ro,bind "$mounted"
mount -t proc proc "$mounted/proc"
mount --bind /dev "$mounted/dev"
mount --bind "$work/spool" "$mounted/spool"
read -r -a words <<<"$(node -p 'JSON.parse(process.argv[1]).join(" ")' "$entry")"
curl -sf --retry 50 --retry-connrefused --retry-delay 1 --retry-max-time 20 http://127.0.0.1:19391/-/ready >/dev/null
inside() { chroot --userspec=65532:65532 "$mounted" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin TINI_SUBREAPER= "$@"; }
inside PROMBATCH_NO_SPOOL=true "${words[@]}" run --interval 0 --gateway http://127.0.0.1:19391 --job image
inside PROMBATCH_NO_SPOOL=true "${words[@]}" run /work/job.mjs --gateway http://127.0.0.1:19391
inside PROMBATCH_SPOOL=/spool "${words[@]}" run --interval 0 --gateway http://127.0.0.1:1 --push-timeout 1s --job image_spool || true
find "$work/spool" -name '*.json' | grep -q . || { echo 'expected an entry in the spool' >&2; exit 1; }
inside PROMBATCH_NO_SPOOL=true "${words[@]}" exec --gateway http://127.0.0.1:19391 --job image_exec -- \
  sh -c 'id; touch /x 2>&1 || echo "rows 3" >> "$PROMBATCH_METRICS_FILE"'
umount "$mounted/proc" "$mounted/dev" "$mounted/spool" "$mounted"
curl -s http://127.0.0.1:19391/metrics | grep -E '^(batch_job_success|prom_sample_counter|rows|level)\{'
[ "$(curl -s http://127.0.0.1:19391/metrics | grep -cE '^batch_job_success\{.*\} 1$')" = 3 ]
du -sh "$mounted" | awk '{ print "image: " $1 }'
echo '== the image is as it should be'
