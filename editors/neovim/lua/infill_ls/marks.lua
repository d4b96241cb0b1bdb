--- What is drawn with extmarks.

local M = {}

--- Take from the screen all that was drawn in a namespace.
---@param namespace integer
---@param buffer integer
function M.clear(namespace, buffer)
  if vim.api.nvim_buf_is_valid(buffer) then
    vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  end
end

--- Define highlight groups, unless a colour scheme or the user has.
---@param groups table<string, vim.api.keyset.highlight>
function M.define(groups)
  for name, value in pairs(groups) do
    vim.api.nvim_set_hl(0, name, vim.tbl_extend('error', { default = true }, value))
  end
end

return M
