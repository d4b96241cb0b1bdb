--- The next edit: what has to change elsewhere after an edit.
---
--- The first press of its key goes there, the second makes the edit, and then the next one is asked
--- for. Ghost text at the cursor goes first: while there is some, the edit is kept out of sight.

local ghost = require('infill_ls.ghost')
local place = require('infill_ls.next_edit_place')
local rpc = require('infill_ls.rpc')
local view = require('infill_ls.next_edit_view')
local waiting = require('infill_ls.waiting').new()

local M = {}

--- After a change in Normal mode, or when Insert mode is left.
local PAUSE_MS = 100
--- In Insert mode, where ghost text comes first.
local HELD_MS = 500

---@type infill_ls.NextEdit?
local current
local is_drawn = false
--- The state of each buffer's text that was last asked about.
---@type table<integer, integer>
local asked_at = {}
--- The state of the text in which the key was last pressed.
---@type { buffer: integer, tick: integer }?
local pressed
local escape_watch = vim.api.nvim_create_namespace('infill_ls.next_edit.escape')

--- Esc in Normal mode dismisses the edit, and does what it does besides.
local function watch_escape()
  if vim.g.infill_ls_maps == false then
    return
  end
  vim.on_key(function(_, typed)
    if typed == '\27' and vim.api.nvim_get_mode().mode == 'n' then
      vim.schedule(M.dismiss)
    end
  end, escape_watch)
end

local function undraw()
  if is_drawn and current then
    is_drawn = false
    view.clear(current.buffer)
    require('infill_ls.maps').set_next_edit(current.buffer, false)
    vim.on_key(nil, escape_watch)
  end
end

--- Take the edit away and forget it.
local function forget()
  undraw()
  current = nil
end

--- Whether the server is about to be asked, or has not answered yet.
---@return boolean
function M.is_waiting()
  return waiting:is_on()
end

---@param edit infill_ls.NextEdit
local function draw(edit)
  view.draw(edit)
  if is_drawn then
    return
  end
  is_drawn = true
  require('infill_ls.maps').set_next_edit(edit.buffer, true)
  watch_escape()
  if not edit.is_told then
    edit.is_told = true
    rpc.notify(edit.client, 'textDocument/didShowInlineEdit', { item = { command = edit.command } })
  end
end

--- Whether something else has the cursor and the keys: ghost text, an instruction, a menu, a snippet, a macro.
---@return boolean
local function has_to_wait()
  local mode = vim.api.nvim_get_mode().mode
  return ghost.is_visible()
    or require('infill_ls.ask').is_active()
    or not (mode == 'n' or mode:find('^i'))
    or vim.fn.pumvisible() == 1
    or (vim.snippet ~= nil and vim.snippet.active())
    or vim.fn.reg_recording() ~= ''
end

--- Draw the edit as it is to be seen now.
function M.refresh()
  local edit = current
  if not edit then
    return
  end
  if edit.buffer ~= vim.api.nvim_get_current_buf() or not place.stands(edit) then
    forget()
  elseif has_to_wait() then
    undraw()
  else
    draw(edit)
  end
end

---@return boolean
function M.is_visible()
  return is_drawn and current ~= nil and place.stands(current)
end

--- Whether the user follows edits, so that ghost text is to wait until something is typed.
---@param buffer integer
---@return boolean
function M.is_followed(buffer)
  return pressed ~= nil
    and pressed.buffer == buffer
    and pressed.tick == vim.api.nvim_buf_get_changedtick(buffer)
end

--- Ask the server for the next edit after what was edited.
---@param buffer integer
local function ask(buffer)
  waiting:stop()
  local client = rpc.client(buffer)
  local is_wanted = require('infill_ls').is_enabled(buffer) and vim.bo[buffer].modifiable
  if not client or not is_wanted then
    return
  end
  local tick = vim.api.nvim_buf_get_changedtick(buffer)
  asked_at[buffer] = tick
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local version = vim.lsp.util.buf_versions[buffer]
  params.textDocument = { uri = params.textDocument.uri, version = version }
  waiting:send(client, 'textDocument/copilotInlineEdit', params, function(result)
    local answer = result and result.edits and result.edits[1]
    forget()
    if
      answer
      and answer.textDocument.version == version
      and vim.api.nvim_get_current_buf() == buffer
      and vim.api.nvim_buf_get_changedtick(buffer) == tick
    then
      current = place.received(client, buffer, answer)
      M.refresh()
    end
  end, buffer)
end

--- Ask after a pause, if the text has changed since the last time.
---@param buffer integer
---@param pause_ms integer
local function ask_soon(buffer, pause_ms)
  if asked_at[buffer] == vim.api.nvim_buf_get_changedtick(buffer) then
    return
  end
  waiting:after(pause_ms, function()
    if vim.api.nvim_get_current_buf() == buffer and vim.fn.reg_recording() == '' then
      ask(buffer)
    end
  end)
end

---@param edit infill_ls.NextEdit
---@param command lsp.Command|{ command: string, arguments?: any[] }
local function tell(edit, command)
  local params = { command = command.command, arguments = command.arguments }
  rpc.request(edit.client, 'workspace/executeCommand', params, nil, edit.buffer)
end

---@param edit infill_ls.NextEdit
local function go_to(edit)
  -- For the jump list.
  vim.cmd(vim.api.nvim_get_mode().mode == 'n' and "normal! m'" or "mark '")
  local line = math.min(edit.from.row + 1, vim.api.nvim_buf_line_count(edit.buffer))
  vim.api.nvim_win_set_cursor(0, { line, edit.from.column })
  vim.cmd('silent! foldopen!')
  M.refresh()
end

--- Make the edit, as a step of its own to undo, and ask for the one after it.
---@param edit infill_ls.NextEdit
local function make(edit)
  forget()
  vim.api.nvim_win_set_cursor(0, place.replace(edit))
  pressed = { buffer = edit.buffer, tick = vim.api.nvim_buf_get_changedtick(edit.buffer) }
  if edit.command then
    tell(edit, edit.command)
  end
  ask(edit.buffer)
end

--- Go to the edit; where the cursor is on its line already, make it.
---@return boolean done false if none is shown
function M.press()
  local edit = current
  if not edit or not M.is_visible() then
    return false
  end
  local first, last = view.rows(edit)
  local row = vim.api.nvim_win_get_cursor(0)[1] - 1
  pressed = { buffer = edit.buffer, tick = edit.tick }
  if row >= first and row <= last then
    make(edit)
  else
    go_to(edit)
  end
  return true
end

--- Take the edit away, and have the server not offer again what it repeats.
---@return boolean dismissed false if none is shown
function M.dismiss()
  local edit = current
  if not edit or not M.is_visible() then
    return false
  end
  waiting:stop()
  forget()
  if edit.command then
    tell(edit, { command = 'infill-ls.nextEditRefused', arguments = edit.command.arguments })
  end
  return true
end

--- Take the edit away without telling.
function M.hide()
  waiting:stop()
  forget()
end

--- Follow the edits of a buffer.
---@param buffer integer
function M.attach(buffer)
  local group = vim.api.nvim_create_augroup('infill_ls.next_edit.' .. buffer, { clear = true })
  asked_at[buffer] = vim.api.nvim_buf_get_changedtick(buffer)
  ghost.on_change = M.refresh
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buffer, callback = callback })
  end
  on({ 'TextChanged', 'InsertLeave' }, function()
    M.refresh()
    ask_soon(buffer, PAUSE_MS)
  end)
  on({ 'TextChangedI', 'TextChangedP' }, function()
    M.refresh()
    ask_soon(buffer, HELD_MS)
  end)
  on({ 'CursorMoved', 'CursorMovedI', 'InsertEnter', 'WinScrolled', 'ModeChanged' }, M.refresh)
  on('BufLeave', M.hide)
  on({ 'BufUnload' }, function()
    asked_at[buffer] = nil
  end)
end

return M
