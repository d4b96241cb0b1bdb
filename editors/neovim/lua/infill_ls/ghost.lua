--- Ghost text of our own, drawn with an extmark.
---
--- Neovim 0.12 has `vim.lsp.inline_completion`; before it, this does the whole work. On 0.12 it
--- shows the answers to explicit requests, which the built-in module cannot make, and what is
--- left of a suggestion after a part of it was accepted.

local accept = require('infill_ls.accept')
local rpc = require('infill_ls.rpc')

local M = {}

local AUTOMATIC, INVOKED = 2, 1
local DEBOUNCE_MS = 75
local namespace = vim.api.nvim_create_namespace('infill_ls')
local native_namespace = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')

---@type infill_ls.Suggestion[]
local candidates = {}
local selected = 1
---@type { client: vim.lsp.Client, id: integer }?
local pending
local timer = assert(vim.uv.new_timer())

---@return infill_ls.Suggestion?
local function current()
  local suggestion = candidates[selected]
  return suggestion and suggestion.buffer == vim.api.nvim_get_current_buf() and suggestion or nil
end

--- Take away what the built-in module shows. It draws when the cursor moves, maybe after us.
---@param buffer integer
local function hide_native(buffer)
  vim.api.nvim_buf_clear_namespace(buffer, native_namespace, 0, -1)
  vim.schedule(function()
    if M.is_visible() and vim.api.nvim_buf_is_valid(buffer) then
      vim.api.nvim_buf_clear_namespace(buffer, native_namespace, 0, -1)
    end
  end)
end

---@param suggestion infill_ls.Suggestion
---@param rest string
local function draw(suggestion, rest)
  local group = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'NonText'
  local lines = vim.split(rest, '\n', { plain = true })
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { lines[index], group } }
  end
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  hide_native(suggestion.buffer)
  vim.api.nvim_buf_set_extmark(suggestion.buffer, namespace, row - 1, column, {
    id = 1, -- one mark, moved: clearing and setting would flicker
    virt_text = { { lines[1], group } },
    virt_text_pos = 'inline',
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

--- Draw what is left of the suggestion, or hide it if something else was typed.
---@return boolean shown
local function refresh()
  local suggestion = current()
  local rest = suggestion and accept.rest(suggestion)
  if not suggestion or not rest or rest == '' then
    M.hide()
    return false
  end
  draw(suggestion, rest)
  return true
end

--- Take the ghost text away and forget it.
function M.hide()
  local suggestion = candidates[selected]
  candidates, selected = {}, 1
  if suggestion and vim.api.nvim_buf_is_valid(suggestion.buffer) then
    vim.api.nvim_buf_clear_namespace(suggestion.buffer, namespace, 0, -1)
  end
end

---@return boolean
function M.is_visible()
  local suggestion = current()
  return suggestion ~= nil and accept.rest(suggestion) ~= nil
end

--- Show suggestions; the first of them at once.
---@param suggestions infill_ls.Suggestion[]
function M.show(suggestions)
  M.hide()
  candidates = suggestions
  return refresh()
end

local function stop_waiting()
  timer:stop()
  if pending then
    rpc.cancel(pending.client, pending.id)
    pending = nil
  end
end

--- Ask the server. An explicit request is always answered, and with several candidates.
---@param buffer integer
---@param invoked? boolean
function M.request(buffer, invoked)
  local client = rpc.client(buffer)
  if not client then
    return
  end
  stop_waiting()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  local position = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local params = vim.tbl_extend('error', position, {
    context = { triggerKind = invoked and INVOKED or AUTOMATIC },
  })
  local mine ---@type integer?
  mine = rpc.request(client, 'textDocument/inlineCompletion', params, function(_, result)
    if not pending or pending.id ~= mine then
      return
    end
    pending = nil
    -- null means that a newer request took this one's place: what is shown stays.
    if not result or not vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
      return
    end
    ---@param item infill_ls.Item
    local suggestions = vim.tbl_map(function(item)
      return {
        buffer = buffer,
        client_id = client.id,
        row = row - 1,
        column = column,
        text = item.insertText,
        item = item,
      }
    end, result.items or result)
    if #suggestions == 0 and invoked then
      vim.notify('infill-ls has no suggestion here', vim.log.levels.INFO)
    end
    if M.show(suggestions) then
      rpc.notify(client, 'textDocument/didShowCompletion', { item = suggestions[1].item })
    end
  end, buffer)
  pending = mine and { client = client, id = mine } or nil
end

--- Accept a part of what is shown. The edit is scheduled, so that an `<expr>` map may call this.
---@param part infill_ls.Part
---@return boolean accepted false if nothing is shown
function M.accept(part)
  if not M.is_visible() then
    return false
  end
  vim.schedule(function()
    local suggestion = current()
    if suggestion then
      M.insert(suggestion, part)
    end
  end)
  return true
end

--- Insert a part of a suggestion and show the rest of it.
---@param suggestion infill_ls.Suggestion
---@param part infill_ls.Part
function M.insert(suggestion, part)
  stop_waiting()
  local rest = accept.insert(suggestion, part)
  M.hide()
  if rest and rest ~= '' then
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
end

--- Show the next candidate, or ask for some if there is only one.
---@param count integer negative for the candidates before it
function M.cycle(count)
  if #candidates > 1 then
    selected = (selected - 1 + count) % #candidates + 1
    refresh()
  else
    M.request(vim.api.nvim_get_current_buf(), true)
  end
end

--- Keep the built-in module's ghost text away while ours is there: it goes on asking, and draws
--- when the answer comes.
---@param group integer
---@param buffer integer
local function hold_native_back(group, buffer)
  vim.api.nvim_create_autocmd('LspRequest', {
    group = group,
    buffer = buffer,
    callback = function(event)
      local request = event.data.request
      if
        request.type == 'complete'
        and request.method == 'textDocument/inlineCompletion'
        and M.is_visible()
      then
        hide_native(buffer)
      end
    end,
  })
end

--- Keep the ghost text of a buffer right while the user types.
---@param buffer integer
---@param automatic boolean ask by ourselves, as Neovim has no ghost text of its own
function M.attach(buffer, automatic)
  local group = vim.api.nvim_create_augroup('infill_ls.ghost.' .. buffer, { clear = true })
  local function follow()
    local shown = refresh()
    if automatic and not shown then
      stop_waiting()
      timer:start(
        DEBOUNCE_MS,
        0,
        vim.schedule_wrap(function()
          if vim.api.nvim_get_current_buf() == buffer and require('infill_ls').is_enabled() then
            M.request(buffer)
          end
        end)
      )
    end
  end
  vim.api.nvim_create_autocmd({ 'InsertEnter', 'CursorMovedI', 'TextChangedP' }, {
    group = group,
    buffer = buffer,
    callback = follow,
  })
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, {
    group = group,
    buffer = buffer,
    callback = function()
      stop_waiting()
      M.hide()
    end,
  })
  if not automatic then
    hold_native_back(group, buffer)
  end
end

---@param buffer integer
function M.detach(buffer)
  stop_waiting()
  M.hide()
  pcall(vim.api.nvim_del_augroup_by_name, 'infill_ls.ghost.' .. buffer)
end

return M
