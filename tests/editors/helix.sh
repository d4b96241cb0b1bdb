#!/usr/bin/env bash
# Test the completion menu in a real Helix. usage: helix.sh [PYTEST OPTION]...
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/editors/install.sh helix
tests/editors/terminal.sh
. tests/warm/serve.sh
WARM_SERVER=$warm_server .venv/bin/pytest tests/editors/helix/helix_tests.py "$@"
