--- Ghost text, drawn with extmarks.
---
--- Neovim 0.12 has `vim.lsp.inline_completion`, which is not used: it goes on showing text that
--- something else was typed into until the next answer comes, it cannot ask explicitly nor accept a
--- part, and what it inserts is lost to `.` and to macros.

local accept = require('infill_ls.accept')
local fit = require('infill_ls.fit')
local marks = require('infill_ls.marks')
local rpc = require('infill_ls.rpc')
local waiting = require('infill_ls.waiting').new()

local M = {}

local AUTOMATIC, INVOKED = 2, 1
local DEBOUNCE_MS = 75
local namespace = vim.api.nvim_create_namespace('infill_ls')

---@type infill_ls.Suggestion[]
local candidates = {}
local selected = 1

--- Called when ghost text comes or goes.
function M.on_change() end

---@return infill_ls.Suggestion?
local function current()
  local suggestion = candidates[selected]
  return suggestion and suggestion.buffer == vim.api.nvim_get_current_buf() and suggestion or nil
end

--- The marks of a buffer beginning with the number `first`: from one call to the next they are
--- moved, as clearing and setting would flicker.
---@param buffer integer
---@param first integer
local function remove_marks(buffer, first)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buffer, namespace, 0, -1, {})) do
    if mark[1] >= first then
      vim.api.nvim_buf_del_extmark(buffer, namespace, mark[1])
    end
  end
end

--- Draw around the marks right of the cursor that the text takes the place of.
---@param suggestion infill_ls.Suggestion
---@param left infill_ls.Left
local function draw(suggestion, left)
  local group = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText'
  local below = {}
  for index, line in ipairs(vim.split(left.rest, '\n', { plain = true })) do
    if index > 1 then
      below[#below + 1] = { { line, group } }
    end
  end
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local pieces = fit.pieces(left)
  for index, piece in ipairs(pieces) do
    vim.api.nvim_buf_set_extmark(suggestion.buffer, namespace, row - 1, column + piece.closers, {
      id = index,
      virt_text = { { piece.text, group } },
      virt_text_pos = 'inline',
      virt_lines = index == 1 and #below > 0 and below or nil,
      hl_mode = 'combine',
    })
  end
  local drawn, count = pieces[#pieces].closers, #pieces
  if drawn < #left.closers then
    -- The text closes these further down, where they are drawn: here they are covered.
    count = count + 1
    vim.api.nvim_buf_set_extmark(suggestion.buffer, namespace, row - 1, column + drawn, {
      id = count,
      virt_text = { { (' '):rep(#left.closers - drawn), 'Normal' } },
      virt_text_pos = 'overlay',
    })
  end
  remove_marks(suggestion.buffer, count + 1)
end

--- Draw what is left of the suggestion, or hide it if something else was typed.
---@return boolean shown
local function refresh()
  local suggestion = current()
  local left = suggestion and accept.left(suggestion)
  if not suggestion or not left or left.rest == '' then
    M.hide()
    return false
  end
  draw(suggestion, left)
  M.on_change()
  return true
end

--- Take the ghost text away and forget it.
function M.hide()
  local suggestion = candidates[selected]
  candidates, selected = {}, 1
  if suggestion then
    marks.clear(namespace, suggestion.buffer)
    M.on_change()
  end
end

---@return boolean
function M.is_visible()
  local suggestion = current()
  local left = suggestion and accept.left(suggestion)
  return left ~= nil and left.rest ~= ''
end

--- Show suggestions.
---@param suggestions infill_ls.Suggestion[]
---@param first? integer which of them at once
function M.show(suggestions, first)
  M.hide()
  candidates, selected = suggestions, first or 1
  return refresh()
end

--- Whether the server is about to be asked, or has not answered yet.
---@return boolean
function M.is_waiting()
  return waiting:is_on()
end

--- Take the ghost text away, and ask for none until something is typed.
function M.dismiss()
  waiting:stop()
  M.hide()
end

--- What follows a text among suggestions, or is before it. The first of all if the text is not one of them.
---@param suggestions infill_ls.Suggestion[]
---@param text string?
---@param count integer
---@return integer
local function beside(suggestions, text, count)
  for index, suggestion in ipairs(suggestions) do
    if suggestion.text == text then
      return (index - 1 + count) % #suggestions + 1
    end
  end
  return 1
end

--- Ask the server. An explicit request is always answered, and with several candidates.
---@param buffer integer
---@param invoked? boolean
---@param count? integer show what is so far from the suggestion shown now
function M.request(buffer, invoked, count)
  local client = rpc.client(buffer)
  if not client then
    return
  end
  local before = count and current()
  local shown = before and accept.left(before)
  local rest = shown and shown.rest
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local line = vim.api.nvim_get_current_line()
  local position = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local params = vim.tbl_extend('error', position, {
    context = { triggerKind = invoked and INVOKED or AUTOMATIC },
  })
  waiting:send(client, 'textDocument/inlineCompletion', params, function(result)
    -- null means that a newer request took this one's place: what is shown stays.
    if not result or not vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
      return
    end
    ---@param item infill_ls.Item
    local suggestions = vim.tbl_map(function(item)
      local last = item.range and item.range['end'].character
      local replaced = last and rpc.byte_column(line, last, client.offset_encoding) or column
      return {
        buffer = buffer,
        client_id = client.id,
        row = row - 1,
        column = column,
        text = item.insertText,
        behind = line:sub(replaced + 1),
        item = item,
      }
    end, result.items or result)
    if #suggestions == 0 and rest then
      suggestions = candidates -- what is shown stays
    end
    if invoked and #suggestions == 0 then
      vim.notify('infill-ls has no suggestion here', vim.log.levels.INFO)
    elseif rest and #suggestions == 1 and assert(suggestions[1]).text == rest then
      vim.notify('infill-ls has no other suggestion here', vim.log.levels.INFO)
    end
    local first = beside(suggestions, rest, count or 0)
    if M.show(suggestions, first) then
      local item = assert(suggestions[first]).item
      rpc.notify(client, 'textDocument/didShowCompletion', { item = item })
    end
  end, buffer)
end

--- Ask for the whole of what is shown, of which only the beginning was there when it came.
---@param uri string
function M.grow(uri)
  local suggestion = current()
  if suggestion and #candidates == 1 and uri == vim.uri_from_bufnr(suggestion.buffer) then
    M.request(suggestion.buffer)
  end
end

--- Accept a part of what is shown. The edit is scheduled, so that an `<expr>` map may call this.
---@param part infill_ls.Part
---@return boolean accepted false if nothing is shown
function M.accept(part)
  if not M.is_visible() then
    return false
  end
  vim.schedule(function()
    M.insert(part)
  end)
  return true
end

--- Insert a part of what is shown, and show the rest of it.
---@param part infill_ls.Part
---@return boolean inserted
function M.insert(part)
  local suggestion = current()
  if not suggestion then
    return false
  end
  waiting:stop()
  return accept.insert(suggestion, part, function(rest)
    M.hide()
    if rest ~= '' then
      -- From here on the suggestion begins at the cursor, maybe some lines further down.
      local row, column = unpack(vim.api.nvim_win_get_cursor(0))
      local left = vim.tbl_extend('force', suggestion, {
        row = row - 1,
        column = column,
        text = rest,
      })
      ---@cast left infill_ls.Suggestion
      M.show({ left })
    end
  end)
end

--- Show the next candidate, or ask for some if there is only one.
---@param count integer negative for the candidates before it
function M.cycle(count)
  if #candidates > 1 then
    selected = (selected - 1 + count) % #candidates + 1
    refresh()
  else
    M.request(vim.api.nvim_get_current_buf(), true, count)
  end
end

--- Keep the ghost text of a buffer right while the user types.
---@param buffer integer
function M.attach(buffer)
  local group = vim.api.nvim_create_augroup('infill_ls.ghost.' .. buffer, { clear = true })
  local function follow()
    if refresh() then
      return
    end
    waiting:stop()
    if require('infill_ls.next_edit').is_followed(buffer) then
      return
    end
    waiting:after(DEBOUNCE_MS, function()
      if vim.api.nvim_get_current_buf() == buffer and require('infill_ls').is_enabled(buffer) then
        M.request(buffer)
      end
    end)
  end
  -- All of them come before the screen is drawn.
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = buffer,
    callback = follow,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = buffer,
    callback = M.dismiss,
  })
  -- Who has typed while the server was starting need not press another key.
  local is_inserting = vim.startswith(vim.api.nvim_get_mode().mode, 'i')
  if is_inserting and vim.api.nvim_get_current_buf() == buffer then
    follow()
  end
end

---@param buffer integer
function M.detach(buffer)
  M.dismiss()
  pcall(vim.api.nvim_del_augroup_by_name, 'infill_ls.ghost.' .. buffer)
end

return M
