"""Secrets recognised by their own form, whatever is beside them."""

from __future__ import annotations

import re

KEY_MARK = "PRIVATE KEY"
URL_MARK = "://"

FORMATS = re.compile(
    r"""
      -----BEGIN\ [A-Z ]*PRIVATE\ KEY(?:\ BLOCK)?-----
    | \bLS0tLS1CRUdJTi(?:BSU0Eg|BFQyB|BPUEVOU1NI|BQUklWQVRF|BFTkNSWVBU)[0-9A-Za-z+/=]{0,8}  # in base64
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b                        # AWS
    | \bgh[pousr]_[0-9A-Za-z]{36,}                         # GitHub
    | \bgithub_pat_[0-9A-Za-z_]{40,}
    | \bgl(?:pat|rt|dt|ptt|ft|soat|cbt|agent)-[0-9A-Za-z_-]{20,}  # GitLab
    | \bxox[abceoprs]-[0-9A-Za-z-]{10,}                    # Slack
    | \bxapp-\d-[0-9A-Za-z-]{10,}
    | \bhooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z_/-]{20,}
    | \bdiscord(?:app)?\.com/api/webhooks/\d{10,20}/[0-9A-Za-z_-]{20,}
    | \bwebhook\.office\.com/webhookb2/[0-9A-Za-z@/-]{20,}
    | \bsk-(?:[a-z]+-)*[0-9A-Za-z_-]{20,}                  # OpenAI, Anthropic
    | \b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}               # Stripe
    | \bwhsec_[0-9A-Za-z+/=]{20,}
    | \bAIza[0-9A-Za-z_-]{35}                              # Google
    | \bya29\.[0-9A-Za-z_-]{20,}
    | \bGOCSPX-[0-9A-Za-z_-]{20,}
    | \bnpm_[0-9A-Za-z]{36}
    | \bpypi-[0-9A-Za-z_-]{50,}
    | \bdckr_(?:pat|oat)_[0-9A-Za-z_-]{20,}                # Docker's registry
    | \bhv[sbr]\.[0-9A-Za-z_-]{20,}                        # Vault
    | \bhf_[0-9A-Za-z]{30,}                                # Hugging Face
    | \bdo[opr]_v1_[0-9a-f]{64}                            # DigitalOcean
    | \bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}         # SendGrid
    | \bAGE-SECRET-KEY-1[0-9A-Z]{40,}                      # age
    | \bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}                 # Shopify
    | \bAccountKey=[0-9A-Za-z+/]{40,}                      # Azure
    | \bSharedAccessKey=[0-9A-Za-z+/]{30,}
    | \blin_api_[0-9A-Za-z]{32,}                           # Linear
    | \bATATT3[0-9A-Za-z_=-]{40,}                          # Atlassian
    | \bglsa_[0-9A-Za-z_]{32,}                             # Grafana
    | \bNRAK-[0-9A-Z]{20,}                                 # New Relic
    | \beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.       # JSON web tokens
    """,
    re.VERBOSE,
)
UNMARKED = re.compile(
    r"""
      (?<![0-9A-Za-z])(?:AC|SK)[0-9a-f]{32}(?![0-9A-Za-z])                 # Twilio
    | (?<![0-9A-Za-z])[0-9]{8,10}:AA[0-9A-Za-z_-]{32,}                     # Telegram
    | (?<![0-9A-Za-z])[MNO][0-9A-Za-z_-]{23,27}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,}  # Discord
    """,
    re.VERBOSE,
)
"""Forms without a mark that could be looked for first."""
LONG_WORD = re.compile(r"[0-9A-Za-z_:-]{24}")
"""Stands in all that ``UNMARKED`` matches."""

FORMAT_MARKS = (
    KEY_MARK, "LS0tLS1CRUdJTi", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "glrt-", "gldt-", "glptt-", "glft-", "glsoat-", "glcbt-", "glagent-",
    "xox", "xapp-", "hooks.slack.com/", "/api/webhooks/", "webhook.office.com/", "sk-", "sk_live_",
    "sk_test_", "rk_live_", "rk_test_", "whsec_", "AIza", "ya29.", "GOCSPX-", "npm_", "pypi-",
    "dckr_", "hvs.", "hvb.", "hvr.", "hf_", "_v1_", "SG.", "AGE-SECRET-KEY-",
    "shpat_", "shpca_", "shppa_", "shpss_", "AccountKey=", "SharedAccessKey=", "lin_api_",
    "ATATT3", "glsa_", "NRAK-", "eyJ",
)  # fmt: skip
"""One of these stands in every text that ``FORMATS`` matches; looking for them is much faster."""
