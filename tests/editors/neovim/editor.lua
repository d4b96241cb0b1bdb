-- Driver of a Neovim: sends keys as a user would, and reads the screen's extmarks and the file.

local M = {}

---@class Editor
---@field file string
local Editor = {}
Editor.__index = Editor

--- Bound of every wait; only ever reached when something hangs.
M.TIMEOUT_MS = tonumber(vim.env.INFILL_TEST_TIMEOUT_MS) or 120000
--- The server's report on the last completion, which is waited for so long.
M.EXPLAIN = [[
  local client = vim.lsp.get_clients({ name = 'infill_ls' })[1]
  local params = { textDocument = vim.lsp.util.make_text_document_params(0) }
  local answer
  require('infill_ls.rpc').request(client, 'infill/explain', params, function(_, report)
    answer = report
  end, 0)
  vim.wait(..., function() return answer end, 20)
  return answer
]]

local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h')
local folder = vim.fn.fnamemodify(here, ':h:h:h')

---@param file string
---@param text string
local function write(file, text)
  local handle = assert(io.open(file, 'wb'))
  handle:write(text)
  handle:close()
end

--- Start the Neovim under test on a file in a workspace of its own.
--- With `answers`, in turn or by the text before the cursor, the server is started by `warm_server`, which
--- has loaded it already.
--- `files` are those of the workspace beside the one that is open. With `install`, Neovim starts as a user's does, and
--- the plug-in comes from where that function has put it: it gets Neovim's data folder, and returns Lua for `init.lua`.
---@param options { install?: (fun(data: string): string), nvim: string, server: string, warm_server: string, text: string, name?: string, files?: table<string, string>, answers?: string[]|table<string, string>, script?: table, settings?: table, env?: table, status?: string, listens?: 'wants'|'ignores' }
---@return Editor
function M.start(options)
  local workspace = vim.fn.tempname()
  vim.fn.mkdir(workspace .. '/.git', 'p')
  for name, text in pairs(options.files or {}) do
    write(workspace .. '/' .. name, text)
  end
  local file = workspace .. '/' .. (options.name or 'demo.py')
  write(file, options.text)
  local command = { options.answers and options.warm_server or options.server, '--stdio' }
  if options.listens then
    local python = vim.fs.dirname(options.server) .. '/python'
    local listening = folder .. '/tests/editors/listening_server.py'
    local record = workspace .. '/.git/cursor'
    command = vim.list_extend({ python, listening, record, options.listens }, command)
  end
  if options.answers then
    local script = workspace .. '/.git/answers.json'
    vim.fn.writefile({
      vim.json.encode(vim.tbl_extend('force', {
        answers = options.answers,
        prompts_file = workspace .. '/.git/prompts',
      }, options.script or {})),
    }, script)
    vim.list_extend(command, { '--scripted-engine', script })
  end
  local settings = options.settings or { thinkAhead = false }
  local start = { options.nvim, '--embed', '--headless' }
  if options.install then
    local config = workspace .. '/.git/config/nvim'
    vim.fn.mkdir(config, 'p')
    local init = options.install(workspace .. '/.git/data/nvim')
    write(config .. '/init.lua', ('%s\ndofile(%q)\n'):format(init, here .. '/init.lua'))
  else
    vim.list_extend(start, { '--clean', '-u', here .. '/init.lua' })
  end
  local channel = vim.fn.jobstart(vim.list_extend(start, { file }), {
    rpc = true,
    cwd = workspace,
    env = vim.tbl_extend('force', {
      INFILL_PLUGIN = options.install and '' or folder .. '/editors/neovim',
      INFILL_COMMAND = vim.json.encode(command),
      INFILL_OPTIONS = vim.json.encode(settings),
      INFILL_LS_RUNTIME_DIR = workspace .. '/.git/run',
      XDG_CACHE_HOME = folder .. '/build/editors/cache',
      XDG_CONFIG_HOME = workspace .. '/.git/config',
      XDG_DATA_HOME = workspace .. '/.git/data',
      XDG_STATE_HOME = workspace .. '/.git/state',
    }, options.env or {}),
  })
  assert(channel > 0, 'Neovim does not start')
  local self = setmetatable({ channel = channel, file = file, workspace = workspace }, Editor)
  local status = options.status or 'Ready'
  self:wait('the status ' .. status, function()
    -- What installs the plug-in takes calls before it is there.
    local is_there, line = pcall(self.lua, self, 'return require("infill_ls").status()')
    return is_there and line:find(status, 1, true)
  end)
  return self
end

--- Evaluate Lua in the Neovim under test.
function Editor:lua(code, ...)
  return vim.rpcrequest(self.channel, 'nvim_exec_lua', code, { ... })
end

--- Press keys, in the notation of maps.
function Editor:press(keys)
  vim.rpcrequest(self.channel, 'nvim_input', keys)
end

--- Type one character after the other, as fast as a person does.
function Editor:type(text)
  for _, character in ipairs(vim.fn.split(text, '\\zs')) do
    self:press(character == '<' and '<lt>' or character)
    vim.wait(30)
  end
end

--- Wait until `check` returns something, and return that.
function Editor:wait(what, check)
  local found
  local done = vim.wait(M.TIMEOUT_MS, function()
    found = check()
    return found and true or false
  end, 20)
  if not done then
    error(('waited in vain for %s\n%s'):format(what, self:describe()), 2)
  end
  return found
end

--- What would be right of the cursor: ghost text, with the marks of the buffer that it goes around;
--- nil without ghost text. Lines are joined by newlines.
function Editor:ghost()
  local ghost = self:lua([[
    local native = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
    if native and #vim.api.nvim_buf_get_extmarks(0, native, 0, -1, {}) > 0 then
      return "Neovim's own ghost text"
    end
    local namespace = vim.api.nvim_get_namespaces().infill_ls
    local marks = namespace
      and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
    if #marks == 0 then
      return nil
    end
    local line = vim.api.nvim_buf_get_lines(0, marks[1][2], marks[1][2] + 1, false)[1]
    local shown, column, below = '', vim.api.nvim_win_get_cursor(0)[2], {}
    assert(vim.api.nvim_win_get_cursor(0)[1] == marks[1][2] + 1, 'it is not at the cursor')
    for _, mark in ipairs(marks) do
      shown = shown .. line:sub(column + 1, mark[3])
      column = mark[3]
      local text = mark[4].virt_text[1][1]
      if mark[4].virt_text_pos == 'overlay' then
        column = column + #text
      else
        shown = shown .. text
      end
      for _, one in ipairs(mark[4].virt_lines or {}) do
        below[#below + 1] = one[1][1]
      end
    end
    return table.concat({ shown, unpack(below) }, '\n')
  ]])
  return ghost ~= vim.NIL and ghost or nil
end

--- Wait for this very ghost text.
function Editor:expect_ghost(expected)
  self:wait('the ghost text ' .. vim.inspect(expected), function()
    return self:ghost() == expected
  end)
end

--- Wait until all keys have been taken, and the server has been asked and has answered what comes of them.
function Editor:settle()
  self:wait('the keys and the answers to them', function()
    return self:lua([[
      return vim.fn.getchar(1) == 0
        and not require('infill_ls.ghost').is_waiting()
        and not require('infill_ls.next_edit').is_waiting()
    ]])
  end)
end

--- Check that no ghost text comes.
function Editor:expect_no_ghost()
  self:settle()
  local ghost = self:ghost()
  assert(ghost == nil, 'there is ghost text: ' .. vim.inspect(ghost))
end

--- The lines of the buffer.
function Editor:text()
  return table.concat(vim.rpcrequest(self.channel, 'nvim_buf_get_lines', 0, 0, -1, false), '\n')
end

function Editor:expect_text(expected)
  local found
  self:wait('the text ' .. vim.inspect(expected), function()
    found = self:text()
    return found == expected
  end)
end

--- Whether a prompt that the scripted engine got has this text.
function Editor:was_prompted(text)
  local prompts = self.workspace .. '/.git/prompts'
  if not vim.uv.fs_stat(prompts) then
    return false
  end
  return table.concat(vim.fn.readfile(prompts), '\n'):find(text, 1, true) ~= nil
end

--- Change a file of the workspace, as another program does.
function Editor:change_outside(name, text)
  write(self.workspace .. '/' .. name, text)
end

--- Wait until the buffer is as expected, save, and compare the bytes on disk.
function Editor:expect_saved(expected)
  self:expect_text((expected:gsub('\r', ''):gsub('\n$', '')))
  self:press('<Esc>')
  self:lua('vim.cmd("silent write")')
  local handle = assert(io.open(self.file, 'rb'))
  local bytes = handle:read('*a')
  handle:close()
  assert(
    bytes == expected,
    ('the file holds\n%s\nnot\n%s'):format(vim.inspect(bytes), vim.inspect(expected))
  )
end

function Editor:describe()
  local ok, description = pcall(function()
    return vim.inspect({
      text = self:text(),
      ghost = self:ghost(),
      mode = self:lua('return vim.api.nvim_get_mode().mode'),
      status = self:lua('return require("infill_ls").status()'),
      messages = self:lua('return vim.fn.execute("messages")'),
    })
  end)
  return ok and description or 'Neovim has died'
end

function Editor:stop()
  pcall(vim.rpcnotify, self.channel, 'nvim_command', 'qall!')
  vim.fn.jobwait({ self.channel }, 3000)
  vim.fn.jobstop(self.channel)
  vim.fn.delete(self.workspace, 'rf')
end

return M
