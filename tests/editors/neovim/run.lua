-- usage: nvim -l run.lua NVIM SERVER WARM_SERVER [PATTERN]: run the tests, or those with PATTERN in the name.

local nvim, server, warm_server, pattern = arg[1], arg[2], arg[3], arg[4]
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local folder = vim.fn.fnamemodify(here, ':p:h:h:h:h')
package.path = here .. '/?.lua;' .. package.path
local start = require('editor').start
local EXPLAIN = require('editor').EXPLAIN

local version = vim.fn.systemlist({ nvim, '--version' })[1]
local has_native = vim.version.ge(vim.version.parse(version), { 0, 12, 0 })

---@type { name: string, run: fun() }[]
local tests = {}

local function test(name, options, run)
  tests[#tests + 1] = {
    name = name,
    run = function()
      local defaults = { nvim = nvim, server = server, warm_server = warm_server, text = '' }
      local editor = start(vim.tbl_extend('force', defaults, options))
      local ok, problem = xpcall(run, debug.traceback, editor)
      editor:stop()
      if not ok then
        error(problem, 0)
      end
    end,
  }
end

tests[#tests + 1] = {
  name = 'where a text closes what stands right of the cursor',
  run = function()
    package.path = here .. '/../../../editors/neovim/lua/?.lua;' .. package.path
    local fit = require('infill_ls.fit')
    local file = table.concat(vim.fn.readfile(here .. '/../closers.json'))
    for _, case in ipairs(vim.json.decode(file)) do
      local places = fit.places(case.rest, case.closers)
      local found = places
        and vim.tbl_map(function(place)
          return place - 1
        end, places)
      local expected = case.places ~= vim.NIL and case.places or nil
      assert(vim.deep_equal(found, expected), vim.inspect({ case, found }))
    end
  end,
}

local ADD = 'def add(a, b):\n'

test('ghost text is shown and Tab inserts it', {
  text = ADD,
  answers = { 'total = a + b\n    return total' },
}, function(editor)
  editor:press('Go')
  editor:expect_ghost('total = a + b\n    return total')
  assert(editor:text() == ADD .. '    ', 'the ghost text must not be in the buffer')
  editor:press('<Tab>')
  editor:expect_text(ADD .. '    total = a + b\n    return total')
  editor:expect_saved(ADD .. '    total = a + b\n    return total\n')
end)

test('nothing but Tab itself if there is no suggestion', {
  name = 'demo.txt',
  answers = { '' },
}, function(editor)
  editor:press('ix<Tab>y')
  editor:expect_text('x\ty')
end)

test('a Tab that is mapped already keeps its meaning', {
  name = 'demo.txt',
  text = 'x',
  answers = { ' = 1' },
  env = { INFILL_TAB_IS_TAKEN = '1' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost(' = 1')
  editor:press('<Tab>')
  editor:expect_text('x\t')
end)

test('a menu that maps Tab before the server has started falls back to ours', {
  text = 'x =',
  answers = { ' 1' },
  env = { INFILL_TAB_IS_A_MENUS = '1' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost(' 1')
  editor:press('<Tab>')
  editor:expect_text('x = 1')
  editor:press('<Esc>:enew!<CR>ia<Tab>b')
  editor:expect_text('a\tb') -- no server is there
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent checkhealth infill_ls")')
end)

test('words and lines are accepted one by one', {
  text = ADD,
  answers = { 'total = a + b\n    return total' },
}, function(editor)
  editor:press('Go')
  editor:expect_ghost('total = a + b\n    return total')
  editor:press('<M-Right>')
  editor:expect_text(ADD .. '    total')
  editor:expect_ghost(' = a + b\n    return total')
  editor:settle() -- the rest must stay
  editor:expect_ghost(' = a + b\n    return total')
  editor:press('<M-C-Right>')
  editor:expect_text(ADD .. '    total = a + b')
  editor:expect_ghost('\n    return total')
  editor:press('<M-C-Right>')
  editor:expect_text(ADD .. '    total = a + b\n    return total')
  editor:expect_saved(ADD .. '    total = a + b\n    return total\n')
end)

test('typing along a suggestion keeps it, and Tab inserts the rest only', {
  text = ADD .. '    r',
  answers = { 'eturn a + b' },
}, function(editor)
  editor:press('GA')
  editor:expect_ghost('eturn a + b')
  editor:press('e')
  editor:expect_ghost('turn a + b')
  editor:press('<Tab>')
  editor:expect_saved(ADD .. '    return a + b\n')
end)

test('typing something else takes the suggestion away', {
  text = ADD .. '    r',
  answers = { [' r'] = 'eturn a + b', [' rex'] = 'd = 3' },
}, function(editor)
  editor:press('GA')
  editor:expect_ghost('eturn a + b')
  editor:press('e')
  editor:expect_ghost('turn a + b')
  editor:press('x')
  editor:expect_ghost('d = 3')
end)

test('a bracket right of the cursor stays', {
  text = 'print()',
  answers = { 'a, b' },
}, function(editor)
  editor:press('$i')
  editor:expect_ghost('a, b')
  editor:press('<Tab>')
  editor:expect_saved('print(a, b)\n')
end)

-- What people map, or nvim-autopairs for them: a bracket closes itself, and is typed over.
local AUTOPAIRS = [[
  for open, close in pairs({ ['('] = ')', ['['] = ']', ['{'] = '}' }) do
    vim.keymap.set('i', open, open .. close .. '<C-g>U<Left>')
    vim.keymap.set('i', close, function()
      local column = vim.api.nvim_win_get_cursor(0)[2] + 1
      return vim.api.nvim_get_current_line():sub(column, column) == close and '<C-g>U<Right>' or close
    end, { expr = true })
  end
]]

test('accepting takes the place of the brackets right of the cursor', {
  text = 'while len()',
  answers = { 'lines) > 0:' },
}, function(editor)
  editor:press('$i')
  editor:expect_ghost('lines) > 0:')
  assert(editor:text() == 'while len()')
  editor:press('<Tab>')
  editor:expect_saved('while len(lines) > 0:\n')
end)

test('a part accepted leaves the brackets that are not reached', {
  text = 'if f(g())',
  answers = { 'x), y) is not None:' },
}, function(editor)
  editor:press('$hi')
  editor:expect_ghost('x), y) is not None:')
  editor:press('<M-Right>')
  editor:expect_text('if f(g(x))')
  editor:expect_ghost('), y) is not None:')
  editor:press('<M-Right>')
  editor:expect_text('if f(g(x),)')
  editor:expect_ghost(' y) is not None:')
  editor:press('<M-Right>')
  editor:expect_text('if f(g(x), y)')
  editor:press('<M-C-Right>')
  editor:expect_saved('if f(g(x), y) is not None:\n')
end)

test('a bracket that the text closes some lines further down', {
  text = 'foo()',
  answers = { '' },
}, function(editor)
  editor:press('$i')
  editor:lua([[
    vim.schedule(function()
      require('infill_ls.ghost').show({
        {
          buffer = vim.api.nvim_get_current_buf(),
          client_id = 0,
          row = 0,
          column = 4,
          text = '\n    a,\n)',
          behind = '',
          item = { insertText = '' },
        },
      })
    end)
  ]])
  editor:expect_ghost('\n    a,\n)')
  editor:press('<M-C-Right>')
  editor:expect_text('foo(\n    a,)')
  editor:expect_ghost('\n)')
  editor:press('<Tab>')
  editor:expect_saved('foo(\n    a,\n)\n')
end)

test('typing a bracket that closes itself, and typing over it, is typing along', {
  text = 'while ',
  answers = { 'len(lines) > 0:' },
}, function(editor)
  editor:lua(AUTOPAIRS)
  editor:press('A')
  editor:expect_ghost('len(lines) > 0:')
  editor:press('len(')
  editor:expect_text('while len()')
  assert(editor:ghost() == 'lines) > 0:', editor:ghost())
  editor:press('lines')
  editor:expect_text('while len(lines)')
  assert(editor:ghost() == ') > 0:', editor:ghost())
  editor:press(')')
  editor:wait('the cursor behind the bracket', function()
    return editor:lua('return vim.api.nvim_win_get_cursor(0)[2]') == #'while len(lines)'
  end)
  assert(editor:ghost() == ' > 0:', editor:ghost())
  editor:press('<Tab>')
  editor:expect_saved('while len(lines) > 0:\n')
end)

test('typing along over the end of a line', {
  text = ADD,
  answers = { 'total = a + b\n    return total' },
}, function(editor)
  editor:press('Go')
  editor:expect_ghost('total = a + b\n    return total')
  editor:press('total = a + b<CR>r')
  editor:expect_text(ADD .. '    total = a + b\n    r')
  assert(editor:ghost() == 'eturn total', editor:ghost())
  editor:press('<Tab>')
  editor:expect_saved(ADD .. '    total = a + b\n    return total\n')
end)

test('text that something else is typed into goes at that key, and Tab is Tab again', {
  name = 'demo.txt',
  text = 'return apply',
  answers = { apply = '_discount off' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost('_discount off')
  editor:lua([[
    vim.api.nvim_create_autocmd('TextChangedI', { callback = function()
      local namespace = vim.api.nvim_get_namespaces().infill_ls
      vim.g.marks = (vim.g.marks or '') .. #vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, {})
    end })
  ]])
  editor:press('_d')
  editor:expect_ghost('iscount off') -- else Neovim may take all keys at once
  editor:press('x')
  editor:press('<Tab>')
  editor:expect_text('return apply_dx\t')
  assert(editor:lua('return vim.g.marks'):match('^1+0+$'), editor:lua('return vim.g.marks'))
end)

test('accepted text is repeated by a dot, and undone at once', {
  text = 'if y and\nwhile ',
  answers = { 'len(lines) > 0:' },
}, function(editor)
  editor:lua(AUTOPAIRS)
  editor:press('GA')
  editor:expect_ghost('len(lines) > 0:')
  editor:press('len(')
  editor:press('<Tab>')
  editor:expect_text('if y and\nwhile len(lines) > 0:')
  editor:press('<Esc>gg')
  editor:press('.')
  editor:expect_text('if y andlen(lines) > 0:\nwhile len(lines) > 0:')
  editor:press('u')
  editor:expect_text('if y and\nwhile len(lines) > 0:')
  editor:press('u')
  editor:expect_text('if y and\nwhile ')
end)

test('several accepted lines are repeated by a dot', {
  text = 'x = 1\n' .. ADD,
  answers = { 'total = a + b\n    return total' },
}, function(editor)
  editor:press('Go')
  editor:expect_ghost('total = a + b\n    return total')
  editor:press('<Tab>')
  local once = ADD .. '    total = a + b\n    return total'
  editor:expect_text('x = 1\n' .. once)
  editor:press('<Esc>gg')
  editor:press('.')
  editor:expect_text('x = 1\ntotal = a + b\n    return total\n' .. once)
end)

test('a macro inserts what was accepted while it was recorded', {
  text = 'c = \nb = \na = ',
  answers = { ['a = '] = 'max("ä", b)' },
}, function(editor)
  editor:lua(AUTOPAIRS)
  editor:press('G')
  editor:press('qq')
  editor:press('A')
  editor:expect_ghost('max("ä", b)')
  editor:press('max(')
  editor:press('<M-Right>')
  editor:expect_text('c = \nb = \na = max(")')
  editor:press('<Tab>')
  editor:expect_text('c = \nb = \na = max("ä", b)')
  editor:press('<Tab>x<Esc>kq')
  editor:wait('the macro to be kept', function()
    return editor:lua('return vim.fn.getreg("q")'):find(', b)', 1, true) ~= nil
  end)
  editor:press('2@q')
  local line = 'max("ä", b) x' -- Python has tabs expanded
  editor:expect_text(('c = %s\nb = %s\na = %s'):format(line, line, line))
end)

test('nothing in the middle of a line unless asked for', {
  text = 'total = price',
  answers = { ' unit' },
}, function(editor)
  editor:press('0ei')
  editor:press('<Right>')
  editor:expect_no_ghost()
  editor:press('<M-\\>')
  editor:expect_ghost(' unit')
  editor:press('<Tab>')
  editor:expect_saved('total unit = price\n')
end)

test('the message of a commit', {
  name = '.git/COMMIT_EDITMSG',
  text = '',
  answers = { 'Say what changes' },
}, function(editor)
  local client = editor:lua([[
    local client = vim.lsp.get_clients({ name = 'infill_ls', bufnr = 0 })[1]
    return { client.get_language_id(0, vim.bo.filetype), client.root_dir }
  ]])
  assert(vim.deep_equal(client, { 'gitcommit', editor.workspace }), vim.inspect(client))
  vim.fn.writefile({ 'def paid(order):' }, editor.workspace .. '/orders.py')
  for _, arguments in ipairs({ { 'init', '--quiet' }, { 'add', 'orders.py' } }) do
    local git = vim.system({ 'git', unpack(arguments) }, { cwd = editor.workspace }):wait()
    assert(git.code == 0, git.stderr)
  end
  editor:press('i')
  editor:press('<M-\\>')
  editor:expect_ghost('Say what changes')
  assert(editor:was_prompted('def paid(order):'), 'what is staged is in the prompt')
  editor:press('<Tab>')
  editor:expect_saved('Say what changes\n')
end)

test('several candidates on explicit request', {
  text = 'x = ',
  answers = { 'one', 'two', 'three' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost('one')
  editor:press('<M-]>')
  editor:expect_ghost('two')
  editor:press('<M-]>')
  editor:expect_ghost('three')
  editor:press('<M-[>')
  editor:expect_ghost('two')
  editor:press('<Tab>')
  editor:expect_saved('x = two\n')
end)

test('it is said that there is no other candidate', {
  text = 'x = ',
  answers = { 'one', 'one', 'one' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost('one')
  editor:press('<M-]>')
  editor:wait('the message', function()
    return editor:lua('return vim.fn.execute("messages")'):find('no other suggestion here', 1, true)
  end)
  editor:expect_ghost('one')
end)

local GATE = vim.fn.tempname()

test('the whole is shown to whoever stops typing after its beginning', {
  answers = { 'one, two, three, four' },
  script = { tells_words = true, gate = GATE },
}, function(editor)
  vim.fn.writefile({ 'xx' }, GATE, 'b') -- three words
  editor:press('i')
  local function begins()
    local ghost = editor:ghost()
    return ghost and vim.startswith('one, two, three,', ghost)
  end
  -- A beginning is shown to whoever types without a pause. A busy machine may take the last key so late that it was one.
  for burst in ('all = |' .. ('a + |'):rep(15)):gmatch('[^|]+') do
    for key in burst:gmatch('.') do
      editor:press(key)
      vim.wait(100)
    end
    if vim.wait(2000, begins) then
      break
    end
  end
  editor:wait('its beginning', begins)
  vim.fn.writefile({ 'xxxx' }, GATE, 'b')
  editor:expect_ghost('one, two, three, four')
end)

test('dismissed', { text = 'x = ', answers = { 'one' } }, function(editor)
  editor:press('A')
  editor:expect_ghost('one')
  editor:press('<C-]>')
  editor:expect_no_ghost()
  assert(editor:text() == 'x = ')
end)

test('CRLF line ends stay', {
  text = 'def add(a, b):\r\n',
  answers = { 'first\n    second' },
}, function(editor)
  editor:press('Go')
  editor:expect_ghost('first\n    second')
  editor:press('<Tab>')
  editor:expect_saved('def add(a, b):\r\n    first\r\n    second\r\n')
end)

test('emoji and CJK before the cursor', {
  text = 'print("🦊 狐 é", ',
  answers = { '"狸 🦝", end)' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost('"狸 🦝", end)')
  editor:press('<M-Right>')
  editor:expect_text('print("🦊 狐 é", "')
  editor:press('<M-Right>')
  editor:expect_text('print("🦊 狐 é", "狸')
  editor:expect_ghost(' 🦝", end)')
  editor:press('<Tab>')
  editor:expect_saved('print("🦊 狐 é", "狸 🦝", end)\n')
end)

--- Send other settings, and wait until the server has them.
local function configure(editor, settings)
  local off = settings.enabled == false
  editor:lua(
    [[
    local client = vim.lsp.get_clients({ name = 'infill_ls' })[1]
    client.settings = { ['infill-ls'] = ... }
    local params = { settings = client.settings }
    require('infill_ls.rpc').notify(client, 'workspace/didChangeConfiguration', params)
  ]],
    settings
  )
  editor:wait('the status to tell', function()
    local status = editor:lua('return require("infill_ls").status()')
    return (status:find('Switched off', 1, true) ~= nil) == off
  end)
end

test('a changed setting is used at once', { text = 'x = ', answers = { 'one' } }, function(editor)
  configure(editor, { enabled = false })
  editor:press('A')
  editor:expect_no_ghost()
  configure(editor, { enabled = true })
  editor:press(' ')
  editor:expect_ghost('one')
end)

test('wrong settings are one message, with a way to the settings', {
  text = 'x =',
  answers = { 'one' },
  settings = { maxLines = 0, minProbability = 'high', maxTokenz = 5 },
}, function(editor)
  local messages = editor:wait('the message', function()
    local messages = editor:lua('return vim.fn.execute("messages")')
    return messages:find('settings are wrong', 1, true) and messages
  end)
  local _, count =
    messages:gsub('infill%-ls: 3 settings are wrong, :Infill settings shows more', '')
  assert(count == 1, messages)
  editor:press('A ')
  editor:expect_ghost('one')
  editor:press('<Esc>:silent Infill settings<CR>')
  local shown = editor:wait('the settings', function()
    local text = editor:text()
    return text:find('# Settings of infill-ls', 1, true) and text
  end)
  for _, part in ipairs({
    '- maxLines must be at least 1; using the default 16',
    '- minProbability must be a number',
    "- there is no option 'maxTokenz'",
    'minProbability = "high"',
  }) do
    assert(shown:find(part, 1, true), shown)
  end
end)

test(
  'settings that are right are shown, too',
  { text = 'x =', answers = { 'one' } },
  function(editor)
    editor:lua('vim.cmd("silent Infill settings")')
    local start =
      '# Settings of infill-ls\n\nThe server was given:\n\n```lua\n{\n  thinkAhead = false\n}\n```'
    assert(vim.startswith(editor:text(), start), editor:text())
  end
)

test('the commands', { text = 'x = ', answers = { 'one' } }, function(editor)
  editor:press('A')
  editor:expect_ghost('one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("Infill explain")')
  editor:wait('the explanation', function()
    local text = editor:text()
    return text:find('The last completion', 1, true) and text:find('one', 1, true)
  end)
  local messages = editor:lua('return vim.fn.execute("messages")')
  assert(not messages:find('E%d+:'), messages)
  editor:press('q')
  editor:lua('vim.cmd("silent Infill toggle")')
  assert(editor:lua('return require("infill_ls").status()') == 'infill-ls is off')
  editor:press('A ')
  editor:expect_no_ghost()
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill toggle")')
  editor:press('A ')
  editor:expect_ghost('one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill log")')
  assert(editor:lua('return vim.api.nvim_buf_get_name(0)'):find('lsp.log', 1, true))
  local names = editor:lua('return vim.fn.getcompletion("Infill ", "cmdline")')
  local expected = 'again describe document drop explain implement language log model pause restart '
    .. 'resume rewrite settings statistics status take tests toggle workspace'
  assert(table.concat(names, ' ') == expected, vim.inspect(names))
end)

test('pausing, and switching a language off', {
  text = 'x = ',
  answers = { 'one' },
}, function(editor)
  local function status()
    return editor:lua('return require("infill_ls").status()')
  end
  editor:lua('vim.cmd("silent Infill pause 30")')
  assert(status():find('^infill%-ls is paused until %d%d:%d%d$'), status())
  editor:press('A ')
  editor:expect_no_ghost()
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill resume")')
  editor:lua('vim.cmd("silent Infill language")')
  assert(status() == 'infill-ls is off for python', status())
  editor:press('A ')
  editor:expect_no_ghost()
  editor:press('<M-\\>')
  editor:expect_ghost('one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill language")')
  editor:press('A ')
  editor:expect_ghost('one')
  editor:press('<M-|>')
  editor:wait('the key to switch it off', function()
    return status() == 'infill-ls is off'
  end)
  assert(editor:ghost() == nil)
  editor:press('<Esc><M-|>')
  editor:wait('the key to switch it on', function()
    return status():find('Ready', 1, true)
  end)
end)

test('switching off for a workspace, and pausing until Neovim starts again', {
  text = 'x = ',
  answers = { 'one' },
}, function(editor)
  local function status()
    return editor:lua('return require("infill_ls").status()')
  end
  editor:lua('vim.cmd("silent Infill workspace")')
  assert(status() == 'infill-ls is off in this workspace', status())
  editor:press('A ')
  editor:expect_no_ghost()
  editor:press('<Esc>')
  editor:lua([[
    local other = vim.fn.tempname()
    vim.fn.mkdir(other .. '/.git', 'p')
    vim.cmd.edit(other .. '/other.py')
  ]])
  editor:wait('a file elsewhere not to be in it', function()
    return editor:lua('return require("infill_ls").is_enabled()')
  end)
  editor:lua('vim.cmd("buffer #")')
  editor:lua('vim.cmd("silent Infill workspace")')
  editor:press('A ')
  editor:expect_ghost('one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill pause restart")')
  assert(status() == 'infill-ls is paused until Neovim restarts', status())
  editor:press('A ')
  editor:expect_no_ghost()
  editor:lua('vim.cmd("silent Infill resume")')
  editor:press(' ')
  editor:expect_ghost('one')
end)

test('the server is started again, and tells its statistics', {
  text = 'x = ',
  answers = { 'one' },
}, function(editor)
  local client = 'return (vim.lsp.get_clients({ name = "infill_ls" })[1] or {}).id'
  local before = editor:lua(client)
  editor:lua('vim.cmd("silent Infill restart")')
  editor:wait('another server', function()
    local now = editor:lua(client)
    return now ~= vim.NIL and now ~= before
  end)
  editor:press('A ')
  editor:expect_ghost('one')
  editor:press('<Esc>')
  editor:lua('vim.cmd("silent Infill statistics")')
  editor:wait('the statistics', function()
    return editor:text():find('python', 1, true)
  end)
end)

-- What a person picks from the list is what vim.ui.select hands on.
local PICK = [[
  vim.ui.select = function(models, options, choose)
    vim.g.models = table.concat(vim.tbl_map(options.format_item, models), '\n')
    choose(vim.iter(models):find(function(model) return model.name == 'infill-ls-mini' end))
  end
]]

for how, command in pairs({ ['from a list'] = 'model', ['by its name'] = 'model infill-ls-mini' }) do
  test('a model is chosen ' .. how .. ', and used at once', {
    text = 'x =',
    answers = { 'one' },
    settings = { thinkAhead = false, model = '/nowhere/a.gguf' },
  }, function(editor)
    --- The name of the model that the last completion was made with, by the server's own report.
    local function model()
      editor:press(' ')
      editor:settle()
      local report = editor:lua(EXPLAIN, require('editor').TIMEOUT_MS)
      return report ~= vim.NIL and report.settings.model
    end
    editor:press('A')
    editor:wait('the model of the settings', function()
      return model() == 'a.gguf'
    end)
    editor:lua(PICK .. ('vim.cmd("silent Infill %s")'):format(command))
    editor:wait('the model to be used', function()
      return model() == 'infill-ls-mini.gguf'
    end)
    local kept = editor.workspace .. '/.git/config/infill-ls/config.toml'
    assert(vim.uv.fs_stat(kept), 'other editors use it too, from their next start')
    if command == 'model' then
      local models = editor:lua('return vim.g.models')
      assert(models:find('infill%-ls%-mini %(in use%)'), models)
    end
  end)
end

local FETCHED = {
  ['from a list'] = { 'model', 'deepseek-coder-1.3b, 0.87 GB, licence DeepSeek' },
  ['by its name'] = {
    'model deepseek-coder-1.3b',
    'deepseek-coder-1.3b, 0.87 GB, licence DeepSeek',
  },
  -- A name that the list does not have.
  ['by its full name'] = {
    'model DeepSeek-Coder-1.3b:q4_k_m',
    'deepseek-coder-1.3b, 0.87 GB, licence DeepSeek',
  },
  ['by its place'] = { 'model a/b/Some.gguf', 'some, size unknown, licence unknown' },
}
for how, case in pairs(FETCHED) do
  local name = 'a model chosen ' .. how .. ' is fetched after a yes only'
  test(name, { text = 'x =', answers = { 'one' } }, function(editor)
    editor:lua(
      [[
      vim.ui.select = function(choices, options, choose)
        if choices[1] == 'Download' then
          vim.g.asked = options.prompt
          choose('Cancel')
        else
          choose(vim.iter(choices):find(function(model) return model.name == 'deepseek-coder-1.3b' end))
        end
      end
      vim.cmd('silent Infill ' .. ...)
    ]],
      case[1]
    )
    editor:wait('the question', function()
      return editor:lua('return vim.g.asked') ~= vim.NIL
    end)
    local asked = editor:lua('return vim.g.asked')
    local start = 'Download ' .. case[2] .. ', from huggingface.co/'
    assert(vim.startswith(asked, start) and asked:find('%.gguf%?$'), asked)
    local messages = editor:lua('return vim.fn.execute("messages")')
    assert(not messages:find('is preparing', 1, true), messages)
  end)
end

test('a model that does not exist is told of, and nothing is asked', {
  text = 'x =',
  answers = { 'one' },
}, function(editor)
  editor:lua(
    'vim.ui.select = function() vim.g.asked = true end vim.cmd("silent Infill model nosuch")'
  )
  editor:wait('the message', function()
    return editor
      :lua('return vim.fn.execute("messages")')
      :find("there is no model 'nosuch'", 1, true)
  end)
  assert(editor:lua('return vim.g.asked') == vim.NIL)
end)

test('a model that cannot be used is named', {
  settings = { model = '/nowhere/a.gguf' },
  status = '/nowhere/a.gguf',
}, function(editor)
  local messages = editor:wait('the message', function()
    local messages = editor:lua('return vim.fn.execute("messages")')
    return messages:find('/nowhere/a.gguf', 1, true) and messages
  end)
  local _, count = messages:gsub('/nowhere/a%.gguf', '')
  assert(count == 1, messages)
end)

test('the status tells that the model is thinking', {
  text = 'x =',
  answers = { 'one' },
  script = { delay_ms = 1500 },
}, function(editor)
  -- All that is shown is kept: whoever looks now and then may look too late.
  editor:lua([[
    vim.g.shown = ''
    vim.api.nvim_create_autocmd('User', { pattern = 'InfillStatus', callback = function()
      vim.g.shown = vim.g.shown .. require('infill_ls').status() .. '\n'
    end })
  ]])
  editor:press('A ')
  editor:expect_ghost('one')
  editor:wait('the states', function()
    return editor:lua('return vim.g.shown'):find('Thinking.*Ready')
  end)
end)

test('the status tells how much of the model is loaded', { answers = { '' } }, function(editor)
  -- In one call: the server has a status of its own to tell.
  local status = editor:lua([[
    local client = vim.lsp.get_clients({ name = 'infill_ls' })[1]
    local status = { busy = true, kind = 'Normal', message = 'Loading the model', indexedFiles = 0 }
    status.percent = 40
    require('infill_ls.status').update(client.id, status)
    return require('infill_ls').status()
  ]])
  assert(status == 'infill-ls: Loading the model 40 %, 0 files indexed', status)
end)

test('checkhealth', { answers = { '' } }, function(editor)
  editor:lua('vim.cmd("silent checkhealth infill_ls")')
  local text = editor:text()
  assert(text:find('Ready', 1, true), text)
  assert(text:find('<Tab> accepts a suggestion', 1, true), text)
  assert(not text:find('ERROR', 1, true), text)
end)

test('a missing server is told of once', {
  server = '/nowhere/infill-ls',
  status = 'not running',
}, function(editor)
  editor:press('ix<Esc>ay<Esc>')
  editor:expect_text('xy')
  local messages = editor:lua('return vim.fn.execute("messages")')
  local _, count = messages:gsub('there is no program `/nowhere/infill%-ls`', '')
  assert(count == 1, messages)
  editor:lua('vim.cmd("silent checkhealth infill_ls")')
  assert(editor:text():find('pipx install .', 1, true), editor:text())
end)

test('a server that was killed is started again', {
  text = 'x = ',
  answers = { 'one' },
}, function(editor)
  local pid = editor:lua([[
    local client = vim.lsp.get_clients({ name = 'infill_ls' })[1]
    return client.rpc.pid or vim.tbl_map(function(process) return process.pid end,
      vim.tbl_filter(function(process)
        return process.ppid == vim.fn.getpid()
      end, vim.tbl_map(vim.api.nvim_get_proc, vim.api.nvim_get_proc_children(vim.fn.getpid()))))[1]
  ]])
  vim.uv.kill(pid, 'sigkill')
  local function status()
    return editor:lua('return require("infill_ls").status()')
  end
  editor:wait('the status of what has stopped', function()
    return status():find('has stopped; :Infill restart starts it again', 1, true)
  end)
  editor:press('<Esc>:Infill restart<CR>')
  editor:wait('the status ready', function()
    return status():find('Ready', 1, true)
  end)
  editor:press('A')
  editor:expect_ghost('one')
end)

test('what is switched while paused is told and can be switched back', {
  text = 'x = ',
  answers = { 'one' },
}, function(editor)
  local function say(command, expected)
    local said = editor:lua('return vim.fn.execute(...)', 'Infill ' .. command)
    assert(said:find(expected, 1, true), said)
  end
  say('pause 1', 'paused until')
  say('pause soon', 'pause takes a number of minutes or `restart`, not soon')
  say('language', 'off for python')
  say('language', 'on for python, but paused until')
  say('workspace', 'off in this workspace')
  say('workspace', 'on in this workspace, but paused until')
  say('resume', 'Ready')
end)

test('what made a next edit is explained where no completion was asked for', {
  text = 'def net(a):\n    return a\n\n\nprint(net(1))',
  answers = { '' },
}, function(editor)
  editor:press('wcwgross<Esc>')
  editor:wait('the next edit', function()
    return editor:lua('return require("infill_ls.next_edit").is_visible()')
  end)
  editor:press(':Infill explain<CR>')
  editor:wait('the explanation', function()
    return editor:text():find('next edit', 1, true)
  end)
end)

test('the help has tags', { answers = { '' } }, function(editor)
  -- In a copy: several of these run at once, and the tags would lie in our sources.
  local copy = editor.workspace .. '/.git/help'
  vim.fn.mkdir(copy .. '/doc', 'p')
  local help = folder .. '/editors/neovim/doc/infill_ls.txt'
  assert(vim.uv.fs_copyfile(help, copy .. '/doc/infill_ls.txt'))
  editor:lua('vim.opt.runtimepath:prepend(...); vim.cmd.helptags(... .. "/doc")', copy)
  local found = editor:lua('return vim.fn.getcompletion(":Infill", "help")')
  assert(vim.list_contains(found, ':Infill'), vim.inspect(found))
end)

test('acceptance is counted on this machine', {
  text = 'x = ',
  answers = { 'one + two' },
}, function(editor)
  editor:press('A')
  editor:expect_ghost('one + two')
  editor:press('<M-Right>')
  editor:expect_ghost(' + two')
  editor:press('<Tab>')
  editor:expect_text('x = one + two')
  local path = editor.workspace .. '/.git/data/infill-ls/statistics.jsonl'
  editor:wait('the acceptance', function()
    local events = vim.uv.fs_stat(path) and table.concat(vim.fn.readfile(path), '\n') or ''
    return events:find('"event": "accepted"', 1, true)
      and events:find('"event": "partly"', 1, true)
      and not events:find('two', 1, true)
  end)
end)

if has_native then
  -- In one Neovim only, as it takes its ten seconds.
  test('a file that another program changes is read again', {
    text = 'from refunds import refund_order\n\nrefund_order(',
    files = { ['refunds.py'] = 'def refund_order(wallet, amount_in_cents):\n    pass\n' },
    answers = { '' },
  }, function(editor)
    --- Type until a prompt has this text: the server looks at the disk when it is asked, every ten seconds.
    local function type_until_prompted(text)
      editor:wait('a prompt with ' .. text, function()
        editor:press('x')
        editor:settle()
        return editor:was_prompted(text)
      end)
    end
    editor:press('GA')
    type_until_prompted('amount_in_cents')
    assert(not editor:was_prompted('amount_in_zlotys'))
    editor:change_outside('refunds.py', 'def refund_order(wallet, amount_in_zlotys):\n    pass\n')
    type_until_prompted('amount_in_zlotys')
  end)

  test("Neovim's own menu opens while there is ghost text, and Tab takes the latter", {
    text = 'price_total = 1\nprofit = 2\nx = ',
    answers = { 'price_total + 1' },
  }, function(editor)
    editor:lua([[vim.o.autocomplete = true; vim.opt.completeopt = { 'menuone', 'noselect' }]])
    editor:press('GA')
    editor:expect_ghost('price_total + 1')
    editor:press('pr')
    editor:wait('the menu', function()
      return editor:lua('return vim.fn.pumvisible()') == 1
    end)
    editor:expect_ghost('ice_total + 1')
    editor:press('<Tab>')
    editor:expect_saved('price_total = 1\nprofit = 2\nx = price_total + 1\n')
  end)

  test("another server's ghost text by Neovim is left alone, and ours is not drawn twice", {
    text = 'x = ',
    answers = { 'one' },
  }, function(editor)
    editor:lua('vim.lsp.inline_completion.enable(true)')
    editor:press('A')
    editor:expect_ghost('one')
    vim.wait(500) -- longer than Neovim waits before it asks
    editor:expect_ghost('one')
    editor:press('<Tab>')
    editor:expect_saved('x = one\n')
  end)

  test('the popup menu gets one-line items when asked for', {
    text = 'x = o',
    answers = { 'ne\ntwo = 2' },
    settings = { completionItems = 'always', thinkAhead = false, completionDeadlineMs = 5000 },
  }, function(editor)
    editor:lua([[
      local client = vim.lsp.get_clients({ name = 'infill_ls' })[1]
      vim.lsp.completion.enable(true, client.id, 0, { autotrigger = false })
      require('infill_ls').enable(false)
    ]])
    editor:press('A')
    editor:press('<C-x><C-o>')
    editor:wait('the menu', function()
      return editor:lua('return vim.fn.pumvisible()') == 1
    end)
    editor:press('<C-y>')
    editor:expect_saved('x = one\n')
  end)
end

-- With the bundled model what is suggested is not known beforehand, but these texts repeat
-- themselves, so that any model goes on. What is on the screen must be what the server answered,
-- and what Tab puts into the file.

local SUM = 'first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n'
local PATIENT = { thinkAhead = false, timeBudgetMs = 60000 }

--- Wait for ghost text, and check that it is the server's suggestion.
local function bundled_ghost(editor)
  local ghost = editor:wait('ghost text', function()
    return editor:ghost()
  end)
  local report = editor:lua(EXPLAIN, require('editor').TIMEOUT_MS)
  assert(ghost == report.suggestion, vim.inspect({ ghost = ghost, report = report.suggestion }))
  return ghost
end

--- In one Neovim only: what differs between them is tested with the scripted engine.
local function bundled_test(name, options, run)
  if has_native then
    test('bundled model: ' .. name, options, run)
  end
end

bundled_test('a word of the ghost text, then all of it', {
  text = SUM .. 'third_total = ',
  settings = PATIENT,
}, function(editor)
  editor:press('GA')
  local ghost = bundled_ghost(editor)
  editor:press('<M-Right>')
  local word = editor:wait('a word', function()
    local taken = editor:text():sub(#SUM + #'third_total = ' + 1)
    return taken ~= '' and taken
  end)
  assert(vim.startswith(ghost, word) and #word < #ghost, vim.inspect({ ghost, word }))
  editor:expect_ghost(ghost:sub(#word + 1))
  editor:press('<Tab>')
  editor:expect_saved(SUM .. 'third_total = ' .. ghost .. '\n')
end)

-- The server, once this file is there.
local HELD_BACK = vim.fn.tempname()
vim.fn.mkdir(HELD_BACK)
vim.fn.writefile({
  '#!/bin/sh',
  ('until [ -e "%s/go" ]; do sleep 0.05; done'):format(HELD_BACK),
  ('exec "%s" "$@"'):format(server),
}, HELD_BACK .. '/infill-ls')
vim.fn.setfperm(HELD_BACK .. '/infill-ls', 'rwx------')

bundled_test('who types at once sees the model load on a new machine, and then the ghost text', {
  text = SUM .. 'third_total =',
  settings = PATIENT,
  server = HELD_BACK .. '/infill-ls',
  env = { XDG_CACHE_HOME = vim.fn.tempname() },
  status = 'infill-ls', -- any
}, function(editor)
  -- All that is shown is kept: whoever looks now and then may look too late.
  editor:lua([[
    vim.g.shown = {}
    vim.api.nvim_create_autocmd('User', { pattern = 'InfillStatus', callback = function()
      vim.g.shown = vim.list_extend(vim.g.shown, { require('infill_ls').status() })
    end })
  ]])
  editor:press('GA ')
  editor:expect_text(SUM .. 'third_total = ')
  vim.fn.writefile({}, HELD_BACK .. '/go')
  local ghost = editor:wait('ghost text', function()
    return editor:ghost()
  end)
  assert(vim.startswith(ghost, 'price_total'), ghost)
  editor:wait('the status ready', function()
    return editor:lua('return require("infill_ls").status()'):find('Ready', 1, true)
  end)
  local before, count, is_ready = 0, 0, false
  for _, line in ipairs(editor:lua('return vim.g.shown')) do
    local percent = tonumber(line:match('Loading the model (%d+) %%'))
    if percent then
      assert(percent >= before and not is_ready, vim.inspect(editor:lua('return vim.g.shown')))
      before, count = percent, count + 1
    end
    is_ready = is_ready or line:find('Ready', 1, true) ~= nil
  end
  assert(count > 0 and is_ready, vim.inspect(editor:lua('return vim.g.shown')))
end)

bundled_test('CRLF line ends stay', {
  text = (SUM:gsub('\n', '\r\n')) .. 'third_total = ',
  settings = PATIENT,
}, function(editor)
  editor:press('GA')
  local ghost = bundled_ghost(editor)
  editor:press('<Tab>')
  editor:expect_saved(((SUM .. 'third_total = ' .. ghost .. '\n'):gsub('\n', '\r\n')))
end)

bundled_test('emoji and CJK before the cursor', {
  text = 'show("🦊 狐 é", price_total)\nshow("🐻 熊 é", price_total)\nshow("🦝 狸 é", ',
  settings = PATIENT,
}, function(editor)
  local before = editor:text()
  editor:press('GA')
  local ghost = bundled_ghost(editor)
  editor:press('<Tab>')
  editor:expect_saved(before .. ghost .. '\n')
end)

bundled_test('a changed setting is used at once, and a killed engine comes back', {
  text = SUM .. 'third_total = ',
  settings = PATIENT,
}, function(editor)
  editor:press('GA')
  bundled_ghost(editor)
  editor:press('<Esc>')
  configure(editor, { enabled = false })
  editor:press('a')
  editor:expect_no_ghost()
  editor:press('<Esc>')
  configure(editor, PATIENT)
  editor:press('a')
  bundled_ghost(editor)
  local killed = require('processes').kill_engine_of(editor:lua('return vim.fn.getpid()'))
  assert(killed == 1, 'one engine process was expected, found ' .. killed)
  editor:press('<CR>fourth_total = ')
  editor:wait('ghost text from a new engine process', function()
    -- The server waits a moment before it starts a process that died again.
    editor:press('x<BS>')
    vim.wait(5000, function()
      return editor:ghost() ~= nil
    end, 100)
    return editor:ghost()
  end)
end)

require('next_edit_tests')(test)
require('cursor_tests')(test)
require('ask_tests')(test)
-- Other plug-ins are on no registry: whoever has them says where.
local plugins = has_native and vim.env.INFILL_TEST_PLUGINS or nil
require('package_tests')(test, has_native, plugins)
if plugins then
  require('addon_tests')(test, plugins)
end

local failed = 0
local run = 0
for _, one in ipairs(tests) do
  if not pattern or one.name:find(pattern, 1, true) then
    run = run + 1
    local started = vim.uv.hrtime()
    local ok, problem = pcall(one.run)
    local seconds = (vim.uv.hrtime() - started) / 1e9
    io.write(('%s %s (%.1f s)\n'):format(ok and 'ok  ' or 'FAIL', one.name, seconds))
    if not ok then
      failed = failed + 1
      io.write(problem .. '\n')
    end
  end
end
if has_native and not plugins then
  io.write(
    '*** NOT RUN: the tests with lazy.nvim, nvim-cmp, blink.cmp, nvim-autopairs and mini.pairs. '
  )
  io.write('INFILL_TEST_PLUGINS is to name a folder with their sources. ***\n')
end
io.write(('%s: %d passed, %d failed\n'):format(version, run - failed, failed))
os.exit((failed > 0 or run == 0) and 1 or 0)
