--- The language client of Neovim 0.10 and later under one name each.

local M = {}

--- Since 0.11 what a client does are methods of its table; before, they were plain functions.
local has_methods = vim.fn.has('nvim-0.11') == 1

--- The running client of a buffer, or of any buffer, if there is one.
---@param buffer? integer
---@return vim.lsp.Client?
function M.client(buffer)
  return vim.lsp.get_clients({ name = 'infill_ls', bufnr = buffer })[1]
end

---@param client vim.lsp.Client
---@param name string of the function
---@return any ... what it returns
local function call(client, name, ...)
  local untyped = client --[[@as any]]
  if has_methods then
    return untyped[name](client, ...)
  end
  return untyped[name](...)
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param handler? lsp.Handler
---@param buffer? integer
---@return integer? id of the request, to cancel it by
function M.request(client, method, params, handler, buffer)
  local sent, id = call(client, 'request', method, params, handler or function() end, buffer)
  return sent and id or nil
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  call(client, 'notify', method, params)
end

---@param client vim.lsp.Client
---@param id integer
function M.cancel(client, id)
  call(client, 'cancel_request', id)
end

--- The column in bytes of a character of a line, as the client counts.
---@param line string
---@param character integer
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
function M.byte_column(line, character, encoding)
  if has_methods then
    return vim.str_byteindex(line, encoding, character, false)
  end
  if encoding == 'utf-8' then
    return math.min(character, #line)
  end
  local before_0_11 = vim.str_byteindex --[[@as any]]
  local ok, column = pcall(before_0_11, line, character, encoding == 'utf-16')
  return ok and column --[[@as integer]] or #line
end

--- The character of a line at a column in bytes, as the client counts.
---@param line string
---@param column integer
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
function M.character(line, column, encoding)
  if has_methods then
    return vim.str_utfindex(line, encoding, column, false)
  end
  if encoding == 'utf-8' then
    return math.min(column, #line)
  end
  local before_0_11 = vim.str_utfindex --[[@as any]]
  local characters, units = before_0_11(line, math.min(column, #line))
  return encoding == 'utf-16' and units or characters
end

--- Length in UTF-16 code units, which the protocol counts accepted text in.
---@param text string
---@return integer
function M.utf16_length(text)
  if has_methods then
    return vim.str_utfindex(text, 'utf-16')
  end
  local before_0_11 = vim.str_utfindex --[[@as any]]
  local _, units = before_0_11(text)
  return units
end

return M
