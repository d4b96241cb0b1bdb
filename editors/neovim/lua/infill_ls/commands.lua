--- `:Infill COMMAND [ARGUMENT]`.

local rpc = require('infill_ls.rpc')

local M = {}

---@param text string
local function say(text)
  vim.notify(text, vim.log.levels.INFO)
end

local function infill()
  return require('infill_ls')
end

--- Neovim 0.12 highlights Markdown by a parser, which not every package of Neovim brings, and fails without it.
---@param filetype string
---@return boolean
local function can_be_filetype(filetype)
  return filetype ~= 'markdown'
    or vim.fn.has('nvim-0.12') == 0
    or vim.treesitter.language.add(filetype) == true
end

--- Show text in a window of its own.
---@param text string
---@param filetype string
---@param name string of the window, for its status line
function M.show(text, filetype, name)
  local buffer = vim.api.nvim_create_buf(false, true)
  pcall(vim.api.nvim_buf_set_name, buffer, 'infill-ls: ' .. name) -- it fails where that is open already
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(vim.trim(text), '\n'))
  if can_be_filetype(filetype) then
    vim.bo[buffer].filetype = filetype
  else
    vim.bo[buffer].syntax = filetype
  end
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.cmd('botright sbuffer ' .. buffer)
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = buffer })
end

--- The server of the buffer; tells if there is none.
---@return vim.lsp.Client?
local function running()
  local client = rpc.client(vim.api.nvim_get_current_buf())
  if not client then
    say('infill-ls is not running in this buffer')
  end
  return client
end

--- Run a command of the program that the server is, and hand on what it prints.
---@param arguments string[]
---@param done fun(printed: string)
local function run_program(arguments, done)
  local client = running()
  local command = client and client.config.cmd
  if type(command) ~= 'table' then
    return
  end
  vim.system(vim.list_extend({ command[1] }, arguments), { text = true }, function(finished)
    vim.schedule(function()
      if finished.code == 0 then
        done(finished.stdout or '')
      else
        say(vim.trim(finished.stderr or ''))
      end
    end)
  end)
end

--- Use a model from now on: in all editors when they start, in this one at once. Downloads it if necessary.
---@param name string
---@param setting? string what goes by the name then, if that is something else
local function use_model(name, setting)
  say('infill-ls is preparing ' .. name)
  run_program({ 'model', 'use', '--', name }, function()
    local client = running()
    if not client then
      return
    end
    local ours = { ['infill-ls'] = { model = setting or name } }
    local settings = vim.tbl_deep_extend('force', client.settings or {}, ours)
    client.settings = settings
    rpc.notify(client, 'workspace/didChangeConfiguration', { settings = settings })
    say('infill-ls uses ' .. name)
  end)
end

--- Have the user say that a model may be fetched.
---@param model table what the program tells of it as JSON
---@param go_on fun()
local function ask_to_download(model, go_on)
  local licence = model.licence ~= '' and 'licence ' .. model.licence or 'licence unknown'
  local size = type(model.bytes) == 'number' and ('%.2f GB'):format(model.bytes / 1e9)
    or 'size unknown'
  local from = 'huggingface.co/' .. model.source
  vim.ui.select({ 'Download', 'Cancel' }, {
    prompt = ('Download %s, %s, %s, from %s?'):format(model.name, size, licence, from),
  }, function(answer)
    if answer == 'Download' then
      go_on()
    end
  end)
end

--- Use a model that the user has named, by a name or as a file; ask before it is fetched.
---@param name string
local function use_named_model(name)
  run_program({ 'model', 'info', '--json', '--', name }, function(printed)
    local told = vim.json.decode(printed)
    if told.download == vim.NIL then
      use_model(name, name:lower():find('%.gguf$') and told.path)
      return
    end
    ask_to_download(told.download, function()
      use_model(name, told.download.name)
    end)
  end)
end

local function choose_model()
  run_program({ 'model', 'list', '--json' }, function(printed)
    local models = vim.json.decode(printed).models
    vim.ui.select(models, {
      prompt = 'Model',
      format_item = function(model)
        local where = model.inUse and 'in use'
          or model.path and 'on this machine'
          or 'to be downloaded'
        return ('%s (%s)'):format(model.name, where)
      end,
    }, function(model)
      if model and model.installed then
        use_model(model.name)
      elseif model then
        ask_to_download(model, function()
          use_model(model.name)
        end)
      end
    end)
  end)
end

--- Start the server again in all its buffers.
local function restart()
  local client = rpc.client(vim.api.nvim_get_current_buf())
  if not client then
    say(infill().start_again() and infill().status() or 'infill-ls was not switched on')
    return
  end
  require('infill_ls.status').forget(client.id)
  local buffers = vim.tbl_keys(client.attached_buffers)
  local untyped = client --[[@as any]]
  if vim.fn.has('nvim-0.11') == 1 then
    untyped:stop()
  else
    untyped.stop()
  end
  local timer = assert(vim.uv.new_timer())
  timer:start(
    0,
    50,
    vim.schedule_wrap(function()
      if vim.lsp.get_client_by_id(client.id) or timer:is_closing() then
        return
      end
      timer:close()
      for _, buffer in ipairs(buffers) do
        if vim.api.nvim_buf_is_valid(buffer) then
          vim.lsp.start(client.config, { bufnr = buffer })
        end
      end
    end)
  )
end

---@param buffer integer
local function explain(buffer)
  local client = running()
  if not client then
    return
  end
  local params = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  rpc.request(client, 'infill/explain', params, function(error, report)
    if error then
      say('infill-ls: ' .. error.message)
    elseif not report or report == vim.NIL then
      say('infill-ls has not been asked for a completion in this buffer yet')
    else
      M.show(report.markdown, 'markdown', 'explanation')
    end
  end, buffer)
end

--- Show the settings of this buffer's server, what is wrong with them, and where they come from.
local function show_settings()
  local client = running()
  if not client then
    return
  end
  local lines = { '# Settings of infill-ls', '' }
  local problems = require('infill_ls.status').wrong_settings(client.id)
  for _, problem in ipairs(problems) do
    lines[#lines + 1] = '- ' .. problem
  end
  if #problems > 0 then
    lines[#lines + 1] = ''
  end
  local options = client.config.init_options or {} --[[@as table]]
  local settings = client.settings --[[@as table<string, table>?]]
  local given = vim.tbl_extend('force', options, settings and settings['infill-ls'] or {})
  vim.list_extend(lines, { 'The server was given:', '', '```lua' })
  vim.list_extend(lines, vim.split(vim.inspect(given), '\n'))
  vim.list_extend(lines, {
    '```',
    '',
    "Your init.lua gives them to `vim.lsp.config('infill_ls', { settings = { ['infill-ls'] = { ... } } })`;",
    '`:help infill_ls-settings` and the README of infill-ls tell more.',
  })
  M.show(table.concat(lines, '\n'), 'markdown', 'settings')
end

--- Tell what was switched, and what still keeps suggestions from coming.
---@param on boolean
---@param where string
local function say_switched(on, where)
  local still_off = on and infill().why_off()
  local text = ('infill-ls is %s %s'):format(on and 'on' or 'off', where)
  say(still_off and ('%s, but %s'):format(text, still_off) or text)
end

---@param done boolean
local function or_say(done)
  if not done then
    say('infill-ls: there is no result of an instruction in this buffer')
  end
end

--- Each gets what follows its name, and the lines that the command was given.
---@type table<string, fun(argument: string, lines?: [integer, integer])>
M.commands = {
  toggle = function()
    infill().enable(infill().why_off() == 'off')
    say(infill().status())
  end,
  language = function()
    local filetype = vim.bo.filetype
    local on = infill().is_filetype_off(filetype)
    infill().enable_filetype(filetype, on)
    say_switched(on, 'for ' .. (filetype ~= '' and filetype or 'files of no type'))
  end,
  workspace = function()
    local folder = infill().workspace()
    local on = infill().is_workspace_off(folder)
    infill().enable_workspace(folder, on)
    say_switched(on, 'in this workspace')
  end,
  pause = function(argument)
    local minutes = argument == '' and 60 or tonumber(argument)
    if argument ~= 'restart' and (not minutes or minutes <= 0) then
      say(('infill-ls: pause takes a number of minutes or `restart`, not %s'):format(argument))
      return
    end
    infill().pause(minutes)
    say(infill().status())
  end,
  resume = function()
    infill().resume()
    say(infill().status())
  end,
  status = function()
    say(infill().status())
  end,
  model = function(argument)
    if argument ~= '' then
      use_named_model(argument)
    else
      choose_model()
    end
  end,
  settings = function()
    show_settings()
  end,
  statistics = function()
    run_program({ 'stats' }, function(printed)
      M.show(printed, 'text', 'statistics')
    end)
  end,
  restart = restart,
  explain = function()
    explain(vim.api.nvim_get_current_buf())
  end,
  implement = function(_, lines)
    infill().ask('implement', '', lines)
  end,
  rewrite = function(instruction, lines)
    infill().ask('rewrite', instruction, lines)
  end,
  document = function(_, lines)
    infill().ask('document', '', lines)
  end,
  tests = function(_, lines)
    infill().ask('tests', '', lines)
  end,
  describe = function(_, lines)
    infill().ask('explain', '', lines)
  end,
  take = function()
    or_say(require('infill_ls.ask').take())
  end,
  again = function()
    or_say(require('infill_ls.ask').again())
  end,
  drop = function()
    or_say(require('infill_ls.ask').drop())
  end,
  log = function()
    local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename()
    ---@diagnostic disable-next-line: deprecated
    vim.cmd.tabedit(vim.fn.fnameescape(path or vim.lsp.get_log_path()))
  end,
}

---@param line string a command's name and what follows it
---@param lines? [integer, integer] the lines that it is about, from 1
function M.run(line, lines)
  local name, argument = line:match('^(%S*)%s*(.-)%s*$')
  local command = M.commands[name ~= '' and name or 'status']
  if command then
    command(argument or '', lines)
  else
    local known = table.concat(M.complete('', ''), ', ')
    vim.notify(('there is no :Infill %s, but %s'):format(name, known), vim.log.levels.ERROR)
  end
end

---@param start string of the word at the cursor
---@param line string up to there
---@return string[]
function M.complete(start, line)
  local words = line:find('^%s*%S+%s+pause%s') and { 'restart' } or vim.tbl_keys(M.commands)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, start)
  end, words)
  table.sort(names)
  return names
end

return M
