--- The language client of Neovim 0.10 and later under one name each.

local M = {}

local has_methods = vim.fn.has('nvim-0.11') == 1

--- The running client of a buffer, if there is one.
---@param buffer? integer
---@return vim.lsp.Client?
function M.client(buffer)
  return vim.lsp.get_clients({ name = 'infill_ls', bufnr = buffer })[1]
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler? lsp.Handler
---@param buffer? integer
---@return integer? id of the request, to cancel it by
function M.request(client, method, params, handler, buffer)
  handler = handler or function() end
  local sent, id
  if has_methods then
    sent, id = client:request(method, params, handler, buffer)
  else
    sent, id = client.request(method, params, handler, buffer)
  end
  return sent and id or nil
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  if has_methods then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

---@param client vim.lsp.Client
---@param id integer
function M.cancel(client, id)
  if has_methods then
    client:cancel_request(id)
  else
    client.cancel_request(id)
  end
end

--- Length in UTF-16 code units, which the protocol counts accepted text in.
---@param text string
---@return integer
function M.utf16_length(text)
  if has_methods then
    return vim.str_utfindex(text, 'utf-16')
  end
  local _, units = vim.str_utfindex(text)
  return units
end

return M
