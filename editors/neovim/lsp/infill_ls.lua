--- Found on the runtime path by `vim.lsp.enable('infill_ls')`.
---
--- There is no `filetypes`: the model completes any text. Override with `vim.lsp.config`:
---
---     vim.lsp.config('infill_ls', { settings = { ['infill-ls'] = { maxLines = 4 } } })

---@type vim.lsp.Config
return {
  cmd = { 'infill-ls', '--stdio' },
  root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  capabilities = require('infill_ls').capabilities(),
  before_init = function()
    require('infill_ls.status').begin()
  end,
  on_init = function(client)
    require('infill_ls.status').begun(client.id)
  end,
  on_exit = function(code, signal)
    require('infill_ls.status').ended(code, signal)
  end,
  handlers = {
    didChangeStatus = function(_, status, context)
      require('infill_ls.status').update(context.client_id, status)
    end,
    ['infill/wrongSettings'] = function(_, params, context)
      require('infill_ls.status').take_wrong_settings(context.client_id, params)
    end,
    ['infill/suggestionGrew'] = function(_, params)
      require('infill_ls.ghost').grow(params.textDocument.uri)
    end,
  },
  on_attach = function(client, buffer)
    require('infill_ls').on_attach(client, buffer)
  end,
}
