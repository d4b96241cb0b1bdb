--- Where a suggestion stands after what was typed: pure functions on text.
---
--- A suggestion may take the place of closing brackets and quotes right of the cursor. They stay in
--- the buffer until they are accepted or typed over, and more of them may come while one types: an
--- editor that closes brackets by itself adds them.

local M = {}

local CLOSER_OF = { ['('] = ')', ['['] = ']', ['{'] = '}' }
--- More marks than that an editor does not put right of the cursor while a suggestion is typed.
local MOST_CLOSERS = 16

--- Whether a text consists of what closes or ends something.
---@param text string
---@return boolean
local function is_closing(text)
  local marks = text:gsub('</[%w_:.-]*%s*>', '')
  return #text <= MOST_CLOSERS and not marks:find('[%w_(%[{<\128-\255]')
end

--- Where each mark stands that the text closes, not within brackets that it opens itself.
---@param rest string
---@param closers string
---@return integer[]? places
local function places_by_brackets(rest, closers)
  local places, inside = {}, {}
  local index = 1
  while index <= #rest and #places < #closers do
    local char = rest:sub(index, index)
    local wanted = closers:sub(#places + 1, #places + 1)
    if char == '\\' and wanted ~= '\\' then
      index = index + 1
    elseif #inside > 0 and char == inside[#inside] then
      inside[#inside] = nil
    elseif #inside == 0 and char == wanted then
      places[#places + 1] = index
    elseif CLOSER_OF[char] then
      inside[#inside + 1] = CLOSER_OF[char]
    end
    index = index + 1
  end
  return #places == #closers and places or nil
end

--- Where the characters of `closers` stand in `rest`, one after the other; nil if they do not.
---@param rest string
---@param closers string
---@return integer[]?
function M.places(rest, closers)
  local found = places_by_brackets(rest, closers)
  if found then
    return found
  end
  local places, from = {}, 1
  for index = 1, #closers do
    local at = rest:find(closers:sub(index, index), from, true)
    if not at then
      return nil
    end
    places[index], from = at, at + 1
  end
  return places
end

--- What is left of a suggestion, or nil if what was typed is something else.
---@param text string the suggestion
---@param typed string from where it begins to the cursor
---@param right string what stands right of the cursor, to the end of the line
---@param behind string what of that the suggestion leaves alone
---@return infill_ls.Left?
function M.left(text, typed, right, behind)
  if not vim.startswith(text, typed) or not vim.endswith(right, behind) then
    return nil
  end
  local rest = text:sub(#typed + 1)
  local closers = right:sub(1, #right - #behind)
  if not is_closing(closers) then
    return nil
  end
  local places = M.places(rest, closers)
  return places and { rest = rest, closers = closers, places = places } or nil
end

--- How many of the marks right of the cursor a part of the rest takes the place of.
---@param left infill_ls.Left
---@param length integer of the part
---@return integer
function M.closers_in(left, length)
  local count = 0
  for _, place in ipairs(left.places) do
    count = count + (place <= length and 1 or 0)
  end
  return count
end

--- The first line of the rest, cut where marks of the buffer stand in it: text to be drawn, and the
--- number of marks before it.
---@param left infill_ls.Left
---@return { text: string, closers: integer }[]
function M.pieces(left)
  local line_end = (left.rest:find('\n', 1, true) or #left.rest + 1) - 1
  local pieces, from, closers = {}, 1, 0
  for index, place in ipairs(left.places) do
    if place <= line_end then
      if place > from or index == 1 then
        pieces[#pieces + 1] = { text = left.rest:sub(from, place - 1), closers = closers }
      end
      from, closers = place + 1, index
    end
  end
  pieces[#pieces + 1] = { text = left.rest:sub(from, line_end), closers = closers }
  return pieces
end

return M
