;;; infill-ghost.el --- Ghost text of infill.el  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; Asks the server for completions at point, draws them, and keeps them right
;; while the user types.

;;; Code:

(require 'cl-lib)
(require 'infill-connection)
(require 'infill-switch)
(require 'map)
(require 'seq)
(require 'subr-x)

(declare-function infill-toggle "infill-commands")
(defvar infill-mode)

(defcustom infill-idle-delay 0.08
  "Seconds without a key after which a completion is asked for."
  :type 'number
  :group 'infill)

(defface infill-ghost '((t :inherit shadow :slant italic))
  "Face of ghost text."
  :group 'infill)

;;;; Requests

(defvar-local infill--timer nil
  "Runs when the user pauses.")

(defvar-local infill--request 0
  "Number of the newest request; the answers to older ones are ignored.")

(defvar-local infill--asked-at nil
  "The tick of the buffer's text that was last asked about.")

(defvar-local infill--waiting nil
  "What was not asked because the server had not started, nil if nothing.
That is a list of the tick of the buffer's text, point, and whether the
user wished it.")

(defun infill--ask (invoked &optional count)
  "Ask for completions at point; non-nil INVOKED is the user's wish.
COUNT is how far from what is shown the one to be shown is.
Return nil if the server is not ready yet; it is asked when it is."
  (setq infill--waiting (list (buffer-chars-modified-tick) (point) invoked))
  (when-let* ((connection (infill--connection))
              ((infill--ready-p connection)))
    (setq infill--waiting nil)
    (infill--open connection)
    (infill--send-settings connection)
    (infill--flush)
    (let ((buffer (current-buffer))
          (number (cl-incf infill--request))
          (tick (buffer-chars-modified-tick))
          (point (point))
          (shown (and count (car (infill--left)))))
      (setq infill--asked-at tick)
      (jsonrpc-async-request
       connection :textDocument/inlineCompletion
       (list :textDocument (infill--document)
             :position (infill--position)
             :context (list :triggerKind (if invoked 1 2)))
       :success-fn
       (lambda (result)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             ;; Null says that a newer request took this one's place.
             (when (and result
                        (= number infill--request)
                        (= tick (buffer-chars-modified-tick))
                        (= point (point)))
               (let ((candidates (infill--candidates result)))
                 (if shown
                     (infill--show-beside candidates shown count)
                   (infill--show candidates invoked)))))))
       :error-fn #'ignore
       :timeout-fn #'ignore
       ;; The first answer has to wait for the model to be loaded.
       :timeout 120))
    t))

(defun infill--candidates (result)
  "Return the candidates in RESULT as a list of (START TEXT ITEM BEHIND BEFORE).
START is a marker where the text begins, BEHIND what it leaves alone of
the line right of point, BEFORE what stands in front of it in its line."
  (mapcar (lambda (item)
            (let* ((range (plist-get item :range))
                   (start (infill--marker-at (plist-get range :start)))
                   (end (infill--marker-at (plist-get range :end))))
              (list start
                    (plist-get item :insertText)
                    item
                    (save-excursion
                      (goto-char end)
                      (buffer-substring-no-properties end (pos-eol)))
                    (infill--before start))))
          (if (vectorp result) result (plist-get result :items))))

(defun infill--before (start)
  "Return what stands in front of START in its line."
  (save-excursion
    (goto-char start)
    (buffer-substring-no-properties (pos-bol) start)))

(defun infill--marker-at (position)
  "Return a marker at the server's POSITION."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line (plist-get position :line))
      (copy-marker (min (+ (point) (plist-get position :character)) (pos-eol))))))

(defun infill--schedule ()
  "Ask when the user pauses."
  (infill--cancel-timer)
  (setq infill--timer
        (run-with-idle-timer infill-idle-delay nil #'infill--paused (current-buffer))))

(defun infill--cancel-timer ()
  "Do not ask."
  (when infill--timer
    (cancel-timer infill--timer)
    (setq infill--timer nil)))

(defun infill--paused (buffer)
  "Ask for a completion in BUFFER, if the user is still there."
  (when (and (eq buffer (current-buffer))
             infill-mode
             (not (infill-switched-off))
             (not (infill--inhibited-p))
             (not (infill--visible-p)))
    (infill--ask nil)))

;;;; Ghost text

(defvar-local infill--overlay nil
  "Carries the ghost text.")

(defvar-local infill--shown nil
  "The candidates, with the one that is shown first.")

(defvar infill--ghost-hook nil
  "Runs when ghost text comes or goes.")

(defvar-local infill--unseen nil
  "Non-nil if the candidates have not been on the screen yet.")

(defvar-keymap infill-ghost-map
  :doc "Keymap that is active while ghost text is shown."
  "TAB" #'infill-accept
  "<tab>" #'infill-accept
  "M-n" #'infill-next
  "M-p" #'infill-previous
  "<remap> <forward-word>" #'infill-accept-word
  "<remap> <right-word>" #'infill-accept-word
  "<remap> <move-end-of-line>" #'infill-accept-line
  "<remap> <keyboard-quit>" #'infill-dismiss)

(defvar-keymap infill-mode-map
  :doc "Keymap of `infill-mode': keys that mean something without ghost text."
  "C-c |" #'infill-toggle
  "<infill-taken>" #'infill--replay
  "M-n" '(menu-item "" infill-complete :filter infill--unless-bound))

(defun infill--unless-bound (command)
  "Return COMMAND, unless other keymaps have something for its key."
  (let ((infill-mode nil))
    (unless (key-binding (kbd "M-n")) command)))

(define-minor-mode infill-ghost-mode
  "Ghost text is shown; not to be switched on by hand."
  :interactive nil
  :keymap infill-ghost-map)

(defun infill--visible-p ()
  "Return non-nil if ghost text is shown."
  (and infill--overlay (overlay-buffer infill--overlay)))

(defun infill--left ()
  "Return what is left of the candidate after point, nil if it does not fit.
That is a list of the text, the closing marks right of point that it
takes the place of, and where in the text each of these stands.  Marks
come while one types, as by `electric-pair-mode', and go when they are
typed over."
  (pcase-let ((`(,start ,text ,_ ,behind ,before) (car infill--shown)))
    (when (and start
               (<= (point-min) start (point))
               (<= (- (point) start) (length text))
               ;; The marker is elsewhere if the text around it was deleted.
               (equal before (infill--before start)))
      (let ((typed (buffer-substring-no-properties start (point)))
            (right (buffer-substring-no-properties (point) (pos-eol))))
        (when (and (string-prefix-p typed text)
                   (string-suffix-p behind right))
          (let* ((rest (substring text (length typed)))
                 (closers (substring right 0 (- (length right) (length behind))))
                 (places (and (infill--closing-p closers)
                              (infill--places rest closers))))
            (when (and (not (string-empty-p rest))
                       (= (length places) (length closers)))
              (list rest closers places))))))))

(defun infill--closing-p (text)
  "Return non-nil if TEXT consists of what closes or ends something."
  (and (<= (length text) 16)
       (not (string-match-p
             "[[:word:]_([{<]"
             (replace-regexp-in-string "</[[:word:]:._-]*[[:blank:]]*>" "" text)))))

(defun infill--places (rest closers)
  "Return where in REST the characters of CLOSERS stand, as far as they do.
Brackets that REST opens itself are passed over, unless it does not work
out that way."
  (let (places inside (index 0) (left (append closers nil)))
    (while (and left (< index (length rest)))
      (let ((char (aref rest index)))
        (cond ((and (eq char ?\\) (not (eq (car left) ?\\))) (cl-incf index))
              ((and inside (eq char (car inside))) (pop inside))
              ((and (null inside) (eq char (car left))) (pop left) (push index places))
              ((assq char '((?\( . ?\)) (?\[ . ?\]) (?{ . ?})))
               (push (alist-get char '((?\( . ?\)) (?\[ . ?\]) (?{ . ?}))) inside))))
      (cl-incf index))
    (if left
        (infill--first-places rest closers)
      (nreverse places))))

(defun infill--first-places (rest closers)
  "Return where in REST each of CLOSERS stands first, behind the one before."
  (let ((from 0) places)
    (catch 'missing
      (dolist (char (append closers nil))
        (let ((at (string-search (string char) rest from)))
          (unless at (throw 'missing nil))
          (push at places)
          (setq from (1+ at)))))
    (nreverse places)))

(defun infill--show (candidates invoked)
  "Show the first of CANDIDATES; if there are none and INVOKED, tell."
  (setq infill--shown candidates
        infill--unseen t)
  (unless (or (infill--draw) (not invoked))
    (message "infill-ls has no suggestion here")))

(defun infill--show-beside (candidates text count)
  "Show the one of CANDIDATES that is COUNT further than TEXT, which is shown."
  (let ((index (seq-position (mapcar #'infill--behind-point candidates) text)))
    (cond ((or (null candidates) (and index (null (cdr candidates))))
           (message "infill-ls has no other suggestion here"))
          (t (infill--show (infill--rotated candidates (if index (+ index count) 0)) t)))))

(defun infill--behind-point (candidate)
  "Return what CANDIDATE puts behind point."
  (let ((typed (- (point) (car candidate))))
    (and (<= 0 typed (length (cadr candidate))) (substring (cadr candidate) typed))))

(defun infill--rotated (candidates count)
  "Return CANDIDATES beginning with the one COUNT further."
  (let ((first (mod count (length candidates))))
    (append (nthcdr first candidates) (take first candidates))))

(defun infill--draw ()
  "Draw what is left of the candidate at point; return nil if that is nothing."
  (pcase (infill--left)
    ((or 'nil (guard (infill--inhibited-p))) (infill--erase) nil)
    ;; It is drawn when the menu closes.
    ((guard (infill--menu-open-p)) (infill--undraw) t)
    (`(,rest ,closers ,places)
     (let ((ghost (propertize rest 'face 'infill-ghost))
           (end (+ (point) (length closers))))
       ;; One overlay, moved: deleting and making it would flicker.
       (if (infill--visible-p)
           (move-overlay infill--overlay (point) end)
         (setq infill--overlay (make-overlay (point) end nil t)))
       ;; Marks that are in the buffer look like what they are.
       (seq-do-indexed
        (lambda (place index)
          (put-text-property place (1+ place) 'face
                             (get-char-property (+ (point) index) 'face) ghost))
        places)
       ;; The cursor stays before the ghost text, not behind it.
       (put-text-property 0 1 'cursor t ghost)
       (overlay-put infill--overlay 'display (and places ghost))
       (overlay-put infill--overlay 'after-string (unless places ghost)))
     (unless infill-ghost-mode
       (infill-ghost-mode 1)
       (run-hooks 'infill--ghost-hook))
     (when (and infill--unseen infill--opened)
       (setq infill--unseen nil)
       (jsonrpc-notify infill--opened :textDocument/didShowCompletion
                       (list :item (nth 2 (car infill--shown)))))
     t)))

(defun infill--undraw ()
  "Take the ghost text from the screen, but keep it in mind."
  (when infill--overlay (delete-overlay infill--overlay))
  (when infill-ghost-mode
    (infill-ghost-mode -1)
    (run-hooks 'infill--ghost-hook)))

(defun infill--erase ()
  "Dismiss the ghost text."
  (setq infill--shown nil)
  (infill--undraw))

(defconst infill--menu-hooks
  '(company-completion-started-hook
    company-after-completion-hook
    completion-in-region-mode-hook)
  "Hooks that run when a menu opens or closes.")

(defun infill--menu-open-p ()
  "Return non-nil while the menu of a completion is open, which has its keys.
That is Company's, Corfu's or Emacs' own."
  (or (bound-and-true-p company-candidates)
      completion-in-region-mode))

(defun infill--menu-changed (&rest _)
  "Draw or take away the ghost text as a menu opens or closes."
  (when (and infill-mode infill--shown) (infill--draw)))

(defun infill--after-command ()
  "Keep the ghost text right after a command, and ask after an edit.
This runs before the screen is drawn, so that typing along does not flicker."
  (let ((edited infill--edited))
    (setq infill--edited nil)
    (cond
     ((and infill--shown (infill--draw)))
     ((and edited
           (infill--typing-p)
           (not (eql infill--asked-at (buffer-chars-modified-tick))))
      (infill--schedule)))))

(defun infill--typing-p ()
  "Return non-nil if the last command changed text as typing does."
  (not (or (minibufferp)
           (infill--inhibited-p)
           (memq this-command
                 '(undo undo-only undo-redo revert-buffer save-buffer infill-next-edit)))))

;;;; Accepting

(defun infill--accept (part)
  "Insert the result of the function PART for the ghost text."
  (pcase-let* ((`(,rest ,_ ,places) (or (infill--left) (user-error "There is no suggestion")))
               (taken (funcall part rest))
               (reached (seq-count (lambda (place) (< place (length taken))) places))
               (candidate (car infill--shown)))
    (infill--record taken reached)
    (infill--take taken reached)
    (infill--flush)
    (infill--accepted candidate (- (length rest) (length taken)))
    (infill--draw)))

(defun infill--take (text reached)
  "Insert TEXT in place of the next REACHED characters."
  ;; What a part does not reach stays, until it is accepted or typed over.
  (delete-region (point) (+ (point) reached))
  (insert text))

(defun infill--record (text reached)
  "Have a macro that is being defined insert TEXT, which has REACHED so far.
There will be no ghost text when it runs, so that its key would do
something else."
  (when defining-kbd-macro
    (cancel-kbd-macro-events)
    (store-kbd-macro-event (list 'infill-taken text reached))))

(defun infill--replay (event)
  "Insert what was accepted while the macro with EVENT was defined.
Closing brackets go only where there are some."
  (interactive "e")
  (pcase-let ((`(,_ ,text ,reached) event))
    (infill--take text (min reached (length (infill--closers-here))))))

(defun infill--closers-here ()
  "Return the closing brackets and quotes right of point."
  (save-excursion
    (buffer-substring-no-properties (point) (progn (skip-syntax-forward ")\"" (pos-eol)) (point)))))

(defun infill--accepted (candidate left)
  "Tell the server that CANDIDATE was accepted but for LEFT characters."
  (pcase-let ((`(,_ ,text ,item . ,_) candidate))
    (if (> left 0)
        (let ((taken (substring text 0 (- left))))
          (jsonrpc-notify
           infill--opened :textDocument/didPartiallyAcceptCompletion
           (list :item item
                 ;; The protocol counts UTF-16 code units here.
                 :acceptedLength (/ (string-bytes (encode-coding-string taken 'utf-16le)) 2))))
      (when-let* ((command (plist-get item :command)))
        (jsonrpc-async-request
         infill--opened :workspace/executeCommand
         (list :command (plist-get command :command)
               :arguments (plist-get command :arguments))
         :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore)))))

;;;; Commands

(defun infill-accept ()
  "Accept the ghost text."
  (interactive)
  (infill--accept #'identity))

(defun infill-accept-word ()
  "Accept the next word of the ghost text."
  (interactive)
  (infill--accept
   (lambda (rest)
     (if (string-match "\\`\\(?:[[:space:]\n]*\\)\\(?:\\w\\|_\\)+\\|\\`[[:space:]\n]*[^[:word:][:space:]\n_]+"
                       rest)
         (match-string 0 rest)
       rest))))

(defun infill-accept-line ()
  "Accept the next line of the ghost text."
  (interactive)
  (infill--accept
   (lambda (rest) (substring rest 0 (string-search "\n" rest 1)))))

(defun infill-next (&optional count)
  "Show the next candidate, or the one COUNT further.
Ask the server for some if there is only one."
  (interactive "p")
  (if (cdr infill--shown)
      (progn
        (setq infill--shown (infill--rotated infill--shown (or count 1)))
        (infill--draw))
    (infill--complete (or count 1))))

(defun infill-previous (&optional count)
  "Show the previous candidate, or the one COUNT before."
  (interactive "p")
  (infill-next (- (or count 1))))

(defun infill-dismiss ()
  "Dismiss the ghost text."
  (interactive)
  (infill--cancel-timer)
  (cl-incf infill--request)
  (setq infill--waiting nil)
  (infill--erase))

(defun infill-complete ()
  "Ask for completions at point, even where none is shown automatically."
  (interactive)
  (infill--complete nil))

(defun infill--complete (count)
  "Ask for completions at point; COUNT is how far to go from the one shown."
  (unless infill-mode (user-error "`infill-mode' is off in this buffer"))
  (barf-if-buffer-read-only)
  (setq infill--failed (delete (infill--workspace) infill--failed))
  (unless (infill--ask t count)
    (message "infill-ls is starting")))

(defun infill--ask-late ()
  "Ask what could not be asked before the server was there."
  (pcase infill--waiting
    ((and `(,tick ,point ,invoked)
          (guard (and (eql tick (buffer-chars-modified-tick))
                      (eql point (point))
                      (eq (current-buffer) (window-buffer)))))
     (if invoked (infill--ask t) (infill--paused (current-buffer))))))

(defun infill--grow ()
  "Ask for the whole of what is shown, of which only the beginning came."
  (when (and infill--shown (null (cdr infill--shown)) (infill--left))
    (infill--ask nil)))

(add-hook 'infill--lost-hook #'infill-dismiss)
(add-hook 'infill--grew-hook #'infill--grow)
(add-hook 'infill--opened-hook #'infill--ask-late)

(provide 'infill-ghost)
;;; infill-ghost.el ends here
