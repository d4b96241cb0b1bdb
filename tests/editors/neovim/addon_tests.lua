-- Tests beside popular plug-ins: completion menus, and those that close brackets.
-- INFILL_TEST_PLUGINS names the folder with a folder for each of them.

local folder = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h:h:h')

--- An init file with a plug-in, set up by Lua, and with ours.
---@param plugin string the folder of the plug-in
---@param setup string
---@return fun(): string
local function with(plugin, setup)
  assert(vim.uv.fs_stat(plugin), 'there is no ' .. plugin)
  return function()
    return ('vim.opt.runtimepath:append({ %q, %q })\n%s'):format(
      plugin,
      folder .. '/editors/neovim',
      setup
    )
  end
end

local CMP = [[
  local cmp = require('cmp')
  local words = {}
  function words:complete(_, callback)
    callback({ { label = 'price' }, { label = 'prize' } })
  end
  cmp.register_source('words', words)
  cmp.setup({
    sources = { { name = 'words' } },
    mapping = cmp.mapping.preset.insert({
      ['<CR>'] = cmp.mapping.confirm({ select = true }),
      ['<Tab>'] = cmp.mapping(function(fallback)
        if cmp.visible() then
          cmp.select_next_item()
        else
          fallback()
        end
      end, { 'i', 's' }),
    }),
  })
]]
local AT_ONCE = [[
  vim.api.nvim_create_autocmd('VimEnter', { callback = function() vim.cmd('startinsert!') end })
]]

local BLINK = [[
  require('blink.cmp').setup({
    keymap = { preset = '%s' },
    fuzzy = { implementation = 'lua' },
    sources = { default = { 'buffer' } },
  })
]]

---@param editor Editor
---@param plugin 'cmp'|'blink.cmp'
---@param is_open boolean
local function wait_for_menu(editor, plugin, is_open)
  local visible = plugin == 'cmp' and 'visible' or 'is_visible'
  editor:wait(is_open and 'the menu' or 'the menu to close', function()
    return editor:lua(('return require(%q).%s()'):format(plugin, visible)) == is_open
  end)
end

---@param test fun(name: string, options: table, run: fun(editor: Editor))
---@param plugins string
return function(test, plugins)
  --- Type along with brackets that close themselves.
  local function with_pairs(name, sources, setup)
    test(name .. ': brackets that close themselves are typed along with', {
      text = 'while ',
      answers = { 'len(lines) > 0:' },
      install = with(plugins .. '/' .. sources, setup),
    }, function(editor)
      editor:press('A')
      editor:expect_ghost('len(lines) > 0:')
      editor:press('len(')
      editor:expect_text('while len()')
      editor:expect_ghost('lines) > 0:')
      editor:press('lines')
      editor:expect_text('while len(lines)')
      editor:expect_ghost(') > 0:')
      editor:press(')')
      editor:expect_ghost(' > 0:')
      editor:press('<Tab>')
      editor:expect_saved('while len(lines) > 0:\n')
    end)
    test(name .. ': accepting takes the place of the bracket that it closed', {
      text = 'while len',
      answers = { ['while len('] = 'lines) > 0:' },
      install = with(plugins .. '/' .. sources, setup),
    }, function(editor)
      editor:press('A(')
      editor:expect_ghost('lines) > 0:')
      editor:press('<Tab>')
      editor:expect_saved('while len(lines) > 0:\n')
    end)
  end
  with_pairs('nvim-autopairs', 'nvim-autopairs', "require('nvim-autopairs').setup({})")
  with_pairs('mini.pairs', 'mini.nvim', "require('mini.pairs').setup()")

  for when, init in pairs({ ['later'] = '', ['before the server has started'] = AT_ONCE }) do
    test("nvim-cmp: Tab is the menu's while it is open, then ours; typing " .. when, {
      text = 'x = ',
      answers = { ['x = price'] = '_total' },
      install = with(plugins .. '/nvim-cmp', CMP .. init),
    }, function(editor)
      editor:press(when == 'later' and 'A' or '')
      editor:type('pri')
      wait_for_menu(editor, 'cmp', true)
      editor:press('<Tab>')
      editor:wait('the first word of the menu', function()
        return editor:lua('return require("cmp").get_selected_entry() ~= nil')
      end)
      editor:press('<CR>')
      wait_for_menu(editor, 'cmp', false)
      editor:expect_text('x = price')
      editor:press('<M-\\>')
      editor:expect_ghost('_total')
      editor:press('<Tab>')
      editor:expect_saved('x = price_total\n')
    end)
  end

  test("blink.cmp, super-tab: Tab is the menu's while it is open, then ours", {
    text = 'prize = 1\nx = ',
    answers = { [' pri'] = 'ce_total' },
    install = with(plugins .. '/blink.cmp', BLINK:format('super-tab')),
  }, function(editor)
    editor:press('GApri')
    wait_for_menu(editor, 'blink.cmp', true)
    editor:press('<Tab>')
    editor:expect_text('prize = 1\nx = prize')
    editor:press('<BS><BS>')
    wait_for_menu(editor, 'blink.cmp', true)
    editor:press('<C-e>')
    wait_for_menu(editor, 'blink.cmp', false)
    editor:press('<M-\\>')
    editor:expect_ghost('ce_total')
    editor:press('<Tab>')
    editor:expect_saved('prize = 1\nx = price_total\n')
  end)

  test('blink.cmp, default: Tab is ours even while its menu is open', {
    text = 'prize = 1\nx = ',
    answers = { [' pri'] = 'ce_total' },
    install = with(plugins .. '/blink.cmp', BLINK:format('default')),
  }, function(editor)
    editor:press('GApri')
    wait_for_menu(editor, 'blink.cmp', true)
    editor:expect_ghost('ce_total')
    editor:press('<Tab>')
    editor:expect_saved('prize = 1\nx = price_total\n')
  end)
end
