#!/usr/bin/env bash
# Sets up a container engine behind the command `docker`, on a Debian machine where none answers, as root:
#
#   eval "$(tools/container_engine.sh)"
#   make image test-image
#
# Where an engine answers already, nothing is changed. Otherwise podman is installed by apt, and a base image is made of
# Debian packages, with the user, the folders and the Python of Airbyte's: the real one needs an image registry, and is
# what `make image` takes where BASE_IMAGE is not set. Standard output is shell code that sets PATH, CONTAINERS_CONF and
# BASE_IMAGE; progress and errors go to standard error. It takes a minute and a half the first time.
set -euo pipefail

say() { echo "container_engine.sh: $*" >&2; }

if docker info >/dev/null 2>&1; then
  say "an engine answers already"
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  say "no engine answers to 'docker info', and without root and apt-get none can be set up"
  exit 1
fi

home=${CONTAINER_ENGINE_HOME:-/var/tmp/source-amplitude-engine}
base=localhost/python-connector-base:debian-13
mkdir -p "$home/bin"

# Runs a command; when it fails, shows the end of what it printed.
quietly() {
  local log=$home/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    say "failed: $*"
    tail -n 20 "$log" >&2
    exit 1
  fi
}

if ! command -v podman >/dev/null || ! command -v mmdebstrap >/dev/null || ! command -v runc >/dev/null; then
  say "installing podman, runc and mmdebstrap"
  quietly apt-update apt-get update
  DEBIAN_FRONTEND=noninteractive quietly apt-install apt-get install --yes --no-install-recommends \
    podman runc golang-github-containers-common mmdebstrap
fi

# Neither systemd nor a bridge nor high limits, which a machine that is itself a container may lack.
cat >"$home/containers.conf" <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END

# Airbyte's tools and ours call docker: `docker buildx build` too, and images that are here are never asked of a registry.
cat >"$home/bin/docker" <<END
#!/bin/sh
[ "\$1" = buildx ] && shift
command=\$1
case \$command in
  build | run | create) shift; set -- "\$command" --pull=never "\$@" ;;
esac
exec podman --root "$home/storage" --runroot "$home/run" "\$@"
END
chmod +x "$home/bin/docker"
export CONTAINERS_CONF=$home/containers.conf PATH=$home/bin:$PATH

if ! docker info >"$home/info.log" 2>&1; then
  say "podman does not work here:"
  tail -n 20 "$home/info.log" >&2
  exit 1
fi

if ! docker image exists "$base"; then
  say "making the base image $base"
  certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}
  quietly base mmdebstrap --variant=minbase --include=adduser,ca-certificates,python3,python3-venv,tzdata \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook='chroot "$1" python3 -m venv /usr/local' \
    --customize-hook='chroot "$1" adduser --quiet --system --group --no-create-home --uid 1000 airbyte' \
    --customize-hook='chroot "$1" install -d -o airbyte -g airbyte /airbyte' \
    --customize-hook="upload $certificates /etc/ssl/certs/ca-certificates.crt" \
    --customize-hook='printf "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n" >"$1/etc/pip.conf"' \
    trixie "$home/base.tar"
  quietly import docker import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' --change 'ENV LANG=C.UTF-8' "$home/base.tar" "$base"
  rm "$home/base.tar"
fi

echo "export PATH=$(printf %q "$home/bin"):\$PATH CONTAINERS_CONF=$(printf %q "$CONTAINERS_CONF") BASE_IMAGE=$base"
