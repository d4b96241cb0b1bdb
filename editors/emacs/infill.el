;;; infill.el --- Local code completion as ghost text  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The infill-ls authors

;; Author: The infill-ls authors
;; Maintainer: The infill-ls authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: convenience, languages
;; URL: https://example.invalid/infill-ls
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The language server infill-ls completes code with a model on your own
;; machine.  This package shows its completions as ghost text:
;;
;;     (require 'infill)
;;     (add-hook 'prog-mode-hook #'infill-mode)
;;
;; Type, and what the model would write appears behind point.  TAB accepts
;; it, `M-f' its next word, `C-e' its next line, `M-n' and `M-p' show other
;; candidates, `C-g' dismisses it.  These keys have their usual meaning
;; while nothing is suggested.  `infill-complete' asks explicitly, also
;; where nothing is suggested automatically.
;;
;; A suggestion may take the place of closing brackets right of point, and
;; stays while `electric-pair-mode' adds some or they are typed over.
;;
;; While the menu of Company, of Corfu or of Emacs itself is open, it has
;; the keys and there is no ghost text.  Set `company-idle-delay' to nil, or
;; `corfu-auto', to see ghost text first and open the menu by its key.  With
;; Evil there is ghost text in insert and Emacs state.
;;
;; `infill-toggle', `infill-toggle-language' and `infill-pause' switch it
;; off for a while; `infill-choose-model', `infill-statistics',
;; `infill-explain', `infill-restart' and `infill-show-log' do what they say.
;;
;; `infill-mode' talks to a server of its own, beside the one that Eglot
;; or lsp-mode runs for the language.  To have infill-ls alone, as the one
;; server of a buffer and without ghost text, call `infill-setup-eglot' or
;; `infill-setup-lsp-mode' in your init file.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'map)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'url-util)

(defvar eglot-server-programs)
(declare-function lsp-register-client "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")

;;;; Options

(defgroup infill nil
  "Local code completion as ghost text."
  :group 'convenience
  :prefix "infill-")

(defcustom infill-command '("infill-ls" "--stdio")
  "The server: a program and its arguments."
  :type '(repeat string))

(defcustom infill-settings nil
  "Settings of the server, as a property list.
For example (:maxLines 4 :disabledLanguages [\"text\"]).  Set with `setopt'
or Customize, running servers use it at once; set with `setq', when they
are asked next."
  :type 'plist
  :set (lambda (symbol value)
         (set-default symbol value)
         (when (fboundp 'infill--settings-changed)
           (infill--settings-changed))))

(defcustom infill-idle-delay 0.08
  "Seconds without a key after which a completion is asked for."
  :type 'number)

(defcustom infill-inhibit-functions
  '(infill-buffer-read-only-p infill-evil-not-inserting-p infill-several-cursors-p)
  "Functions that tell whether nothing is to be suggested.
They are called without arguments in the buffer; if one of them returns
non-nil, nothing is asked for and no ghost text is shown."
  :type 'hook)

(defface infill-ghost '((t :inherit shadow :slant italic))
  "Face of ghost text.")

;;;; Connections

(defvar infill-mode)

(defvar-local infill--opened nil
  "The connection whose server has this buffer open.")

(defvar infill--connections (make-hash-table :test #'equal)
  "The running servers, by the root of their workspace.")

(defvar infill--failed nil
  "Roots of workspaces whose server ended while it started.
It is not started again before the user asks for it.")

(defvar infill--warned nil
  "Non-nil if the user knows that there is no server.")

(defclass infill-connection (jsonrpc-process-connection)
  ((root :initarg :root :reader infill--root)
   (ready :initform nil :accessor infill--ready-p)
   (status :initform nil :accessor infill--status)
   (sent :initform nil :accessor infill--sent-settings))
  "A connection to infill-ls.")

(defun infill--workspace ()
  "Return the root of the current buffer's workspace, or nil.
The home folder is none, nor one above it: all of it would be read.  So
is the folder of a buffer without a file, such as *scratch*."
  (let* ((project (project-current))
         (folder (cond (project (project-root project))
                       (buffer-file-name default-directory)))
         (root (and folder (file-name-as-directory (expand-file-name folder)))))
    (unless (and root (not (file-remote-p root))
                 (string-prefix-p root (file-name-as-directory (expand-file-name "~"))))
      root)))

(defun infill--connection ()
  "Return the server for the current buffer; start it if there is none.
Return nil if it could not be started before."
  (let* ((root (infill--workspace))
         (known (gethash root infill--connections)))
    (cond ((and known (jsonrpc-running-p known)) known)
          ((member root infill--failed) nil)
          (t (puthash root (infill--connect root) infill--connections)))))

(defun infill--warn-missing ()
  "Tell once that the server is not installed."
  (unless infill--warned
    (setq infill--warned t)
    (display-warning
     'infill
     (format "There is no program `%s': install the server, in its folder with \
\"pipx install .\", or set `infill-command'.  `infill-mode' stays off." (car infill-command)))))

(defun infill--connect (root)
  "Start a server for the workspace ROOT, or without one if that is nil."
  (let* ((default-directory (or root (expand-file-name "~/")))
         (connection
          (make-instance
           'infill-connection
           :name (format "infill (%s)" (if root (abbreviate-file-name root) "no folder"))
           :root root
           :process (lambda ()
                      (make-process :name "infill-ls"
                                    :command infill-command
                                    :connection-type 'pipe
                                    :coding 'utf-8-emacs-unix
                                    :noquery t
                                    :file-handler t
                                    :stderr (get-buffer-create " *infill-ls stderr*")))
           :request-dispatcher #'infill--answer
           :notification-dispatcher #'infill--notified
           :on-shutdown #'infill--closed)))
    (setf (infill--sent-settings connection) (copy-tree infill-settings t))
    (condition-case nil
        (jsonrpc-async-request
         connection :initialize (infill--initialize-params root)
         :success-fn (lambda (_result)
                       (jsonrpc-notify connection :initialized (make-hash-table))
                       (setf (infill--ready-p connection) t)
                       (infill--send-settings connection)
                       (infill--open-buffers connection))
         :error-fn (lambda (error)
                     (message "infill-ls does not start: %s" (plist-get error :message)))
         :timeout 60)
      ;; The process may be gone already, and nobody is to be bothered by an error in a hook.
      (error (infill--closed connection)))
    connection))

(defun infill--initialize-params (root)
  "Return what to tell the server of us, with the workspace ROOT."
  (let ((uri (and root (infill--path-to-uri root))))
    (list :processId (unless (file-remote-p (or root default-directory)) (emacs-pid))
          :clientInfo (list :name "infill.el" :version emacs-version)
          :rootUri uri
          :workspaceFolders (and root
                                 (vector (list :uri uri :name (file-name-nondirectory
                                                               (directory-file-name root)))))
          :initializationOptions (infill--settings)
          :capabilities
          ;; A character of Emacs is a character of UTF-32: nothing to convert.
          '( :general (:positionEncodings ["utf-32"])
             :workspace (:configuration t)
             :textDocument (:inlineCompletion (:dynamicRegistration :json-false))
             ;; A suggestion may take the place of brackets right of point.
             :experimental (:inlineCompletionReplaces t)))))

(defun infill--settings ()
  "Return the settings as they are sent."
  (or infill-settings (make-hash-table)))

(defun infill--settings-changed ()
  "Tell the running servers of changed settings."
  (dolist (connection (hash-table-values infill--connections))
    (when (and (jsonrpc-running-p connection) (infill--ready-p connection))
      (infill--send-settings connection))))

(defun infill--send-settings (connection)
  "Send the settings over CONNECTION, unless its server has them."
  (unless (equal (infill--sent-settings connection) infill-settings)
    (setf (infill--sent-settings connection) (copy-tree infill-settings t))
    (jsonrpc-notify connection :workspace/didChangeConfiguration
                    (list :settings (list :infill-ls (infill--settings))))))

(defun infill--answer (_connection method params)
  "Answer the server's request METHOD with PARAMS."
  (pcase method
    ('workspace/configuration
     (apply #'vector (mapcar (lambda (_item) (infill--settings))
                             (plist-get params :items))))
    (_ nil)))

(defun infill--notified (connection method params)
  "Take the server's notification METHOD with PARAMS over CONNECTION."
  (pcase method
    ('didChangeStatus
     (setf (infill--status connection) params)
     (force-mode-line-update t))
    ('window/showMessage
     (message "%s" (plist-get params :message)))))

(defun infill--closed (connection)
  "Forget CONNECTION, whose server has gone."
  (remhash (infill--root connection) infill--connections)
  (unless (or (infill--ready-p connection)
              (member (infill--root connection) infill--failed))
    (push (infill--root connection) infill--failed)
    (message "infill-ls ended while it started; `infill-show-log' tells why"))
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (eq infill--opened connection)
        (setq infill--opened nil)
        (infill-dismiss)))))

;;;; Documents

(defvar-local infill--version 0
  "The version of the document that the server has, or will have.")

(defvar-local infill--changes nil
  "Changes since the last `didChange', newest first; `full' if they were lost.")

(defvar-local infill--edited nil
  "Non-nil if the text changed since the last command.")

(defvar-local infill--change-begun nil
  "Positions and range of the change that is about to happen.")

(defun infill--path-to-uri (path)
  "Return PATH as a URI."
  (concat "file://" (url-hexify-string (expand-file-name (file-local-name path))
                                       url-path-allowed-chars)))

(defun infill--uri ()
  "Return the URI of the buffer."
  (if buffer-file-name
      (infill--path-to-uri (file-truename buffer-file-name))
    (concat "untitled:" (url-hexify-string (buffer-name)))))

(defun infill--document ()
  "Return the buffer's identifier."
  (list :uri (infill--uri)))

(defun infill--language ()
  "Return the language id of the buffer, guessed from its major mode."
  (string-remove-suffix
   "-ts" (string-remove-suffix "-mode" (symbol-name major-mode))))

(defun infill--position (&optional position)
  "Return POSITION, or point, as the server has it."
  (save-excursion
    (save-restriction
      (widen)
      (when position (goto-char position))
      (list :line (1- (line-number-at-pos nil t))
            :character (- (point) (pos-bol))))))

(defun infill--text ()
  "Return the whole text of the buffer."
  (save-restriction
    (widen)
    (buffer-substring-no-properties (point-min) (point-max))))

(defun infill--open-buffers (connection)
  "Open the buffers that have waited for CONNECTION."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p infill-mode)
                 (eq connection (infill--connection)))
        (infill--open connection)))))

(defun infill--open (connection)
  "Open the buffer in the server of CONNECTION, if that has not happened."
  (unless (eq infill--opened connection)
    (setq infill--opened connection
          infill--changes nil)
    (jsonrpc-notify connection :textDocument/didOpen
                    (list :textDocument
                          (list :uri (infill--uri)
                                :languageId (infill--language)
                                :version (cl-incf infill--version)
                                :text (infill--text))))))

(defun infill--close ()
  "Close the buffer in its server."
  (when (and infill--opened (jsonrpc-running-p infill--opened))
    (jsonrpc-notify infill--opened :textDocument/didClose
                    (list :textDocument (infill--document))))
  (setq infill--opened nil))

(defun infill--before-change (beginning end)
  "Remember the range from BEGINNING to END as it is before a change."
  (when infill--opened
    (setq infill--change-begun
          (list beginning end (infill--position beginning) (infill--position end)))))

(defun infill--after-change (beginning end length)
  "Record that LENGTH characters at BEGINNING became the text up to END."
  (setq infill--edited t)
  (when infill--opened
    (pcase-let ((`(,first ,last ,from ,to) infill--change-begun))
      (setq infill--change-begun nil)
      (if (and (listp infill--changes)
               (eql beginning first)
               (eql length (- last first)))
          (push (list :range (list :start from :end to)
                      :text (buffer-substring-no-properties beginning end))
                infill--changes)
        ;; Some commands announce one range and change another: send it all.
        (setq infill--changes 'full)))))

(defun infill--flush ()
  "Bring the server's text up to date."
  (when infill--changes
    (let ((changes (if (listp infill--changes)
                       (apply #'vector (reverse infill--changes))
                     (vector (list :text (infill--text))))))
      (setq infill--changes nil)
      (jsonrpc-notify infill--opened :textDocument/didChange
                      (list :textDocument (list :uri (infill--uri)
                                                :version (cl-incf infill--version))
                            :contentChanges changes)))))

;;;; Requests

(defvar-local infill--timer nil
  "Runs when the user pauses.")

(defvar-local infill--request 0
  "Number of the newest request; the answers to older ones are ignored.")

(defvar-local infill--asked-at nil
  "The tick of the buffer's text that was last asked about.")

(defun infill--ask (invoked)
  "Ask for completions at point; non-nil INVOKED is the user's wish.
Return nil if the server is not ready yet."
  (when-let* ((connection (infill--connection))
              ((infill--ready-p connection)))
    (infill--open connection)
    (infill--send-settings connection)
    (infill--flush)
    (let ((buffer (current-buffer))
          (number (cl-incf infill--request))
          (tick (buffer-chars-modified-tick))
          (point (point)))
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
               (infill--show (infill--candidates result) invoked)))))
       :error-fn #'ignore
       :timeout-fn #'ignore
       ;; The first answer has to wait for the model to be loaded.
       :timeout 120))
    t))

(defun infill--candidates (result)
  "Return the candidates in RESULT as a list of (START TEXT ITEM BEHIND).
START is a marker where the text begins, BEHIND what it leaves alone of
the line right of point."
  (mapcar (lambda (item)
            (let* ((range (plist-get item :range))
                   (end (infill--marker-at (plist-get range :end))))
              (list (infill--marker-at (plist-get range :start))
                    (plist-get item :insertText)
                    item
                    (save-excursion
                      (goto-char end)
                      (buffer-substring-no-properties end (pos-eol))))))
          (if (vectorp result) result (plist-get result :items))))

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

(defvar infill--off nil
  "Non-nil if suggestions are switched off everywhere.")

(defvar infill--paused-until nil
  "The time when suggestions are wanted again, nil for now.")

(defvar infill--off-modes nil
  "Major modes in which suggestions are switched off.")

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
  (pcase-let ((`(,start ,text ,_ ,behind) (car infill--shown)))
    (when (and start
               (<= (point-min) start (point))
               (<= (- (point) start) (length text)))
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
     (unless infill-ghost-mode (infill-ghost-mode 1))
     (when (and infill--unseen infill--opened)
       (setq infill--unseen nil)
       (jsonrpc-notify infill--opened :textDocument/didShowCompletion
                       (list :item (nth 2 (car infill--shown)))))
     t)))

(defun infill--undraw ()
  "Take the ghost text from the screen, but keep it in mind."
  (when infill--overlay (delete-overlay infill--overlay))
  (when infill-ghost-mode (infill-ghost-mode -1)))

(defun infill--erase ()
  "Take the ghost text away."
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

(defun infill--inhibited-p ()
  "Return non-nil if nothing is to be suggested in this buffer now."
  (run-hook-with-args-until-success 'infill-inhibit-functions))

(defun infill-switched-off ()
  "Return why nothing is to be suggested by itself in this buffer, or nil."
  (cond (infill--off "off")
        ((and infill--paused-until (time-less-p nil infill--paused-until))
         (format-time-string "paused until %H:%M" infill--paused-until))
        ((memq major-mode infill--off-modes) (format "off in %s" major-mode))))

(defun infill-buffer-read-only-p ()
  "Return non-nil if nothing can be written into the buffer."
  (and buffer-read-only (not inhibit-read-only)))

(defun infill-evil-not-inserting-p ()
  "Return non-nil if Evil is in a state in which keys are commands."
  (and (bound-and-true-p evil-local-mode)
       (not (memq (bound-and-true-p evil-state) '(insert emacs)))))

(defun infill-several-cursors-p ()
  "Return non-nil while there are several cursors."
  (bound-and-true-p multiple-cursors-mode))

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
           (memq this-command '(undo undo-only undo-redo revert-buffer save-buffer)))))

(defun infill--accept (part)
  "Insert the result of the function PART for the ghost text."
  (pcase-let* ((`(,rest ,_ ,places) (or (infill--left) (user-error "Nothing is suggested")))
               (taken (funcall part rest))
               (reached (seq-count (lambda (place) (< place (length taken))) places))
               (candidate (car infill--shown)))
    ;; What the part does not reach stays, until it is accepted or typed over.
    (delete-region (point) (+ (point) reached))
    (insert taken)
    (infill--flush)
    (infill--accepted candidate (- (length rest) (length taken)))
    (infill--draw)))

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
      (let* ((size (length infill--shown))
             (first (mod (or count 1) size)))
        (setq infill--shown (append (nthcdr first infill--shown)
                                    (take first infill--shown)))
        (infill--draw))
    (infill-complete)))

(defun infill-previous (&optional count)
  "Show the previous candidate, or the one COUNT before."
  (interactive "p")
  (infill-next (- (or count 1))))

(defun infill-dismiss ()
  "Take the ghost text away."
  (interactive)
  (infill--cancel-timer)
  (cl-incf infill--request)
  (infill--erase))

(defun infill-complete ()
  "Ask for completions at point, even where none is shown automatically."
  (interactive)
  (unless infill-mode (user-error "`infill-mode' is off in this buffer"))
  (barf-if-buffer-read-only)
  (setq infill--failed (delete (infill--workspace) infill--failed))
  (unless (infill--ask t)
    (message "infill-ls is starting")))

(defun infill-explain ()
  "Show how the last completion of this buffer came to be."
  (interactive)
  (unless infill--opened (user-error "No server has this buffer open"))
  (let ((report (jsonrpc-request infill--opened :infill/explain
                                 (list :textDocument (infill--document)))))
    (if report
        (infill--show-report (plist-get report :markdown))
      (message "infill-ls has not been asked for a completion here yet"))))

(defun infill--show-report (markdown)
  "Show MARKDOWN, the server's report, in a window."
  (with-current-buffer (get-buffer-create "*infill explanation*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert markdown)
      (goto-char (point-min))
      (special-mode))
    (display-buffer (current-buffer))))

(defun infill--say-whether-on ()
  "Tell whether something is suggested in this buffer."
  (message "infill-ls: %s" (or (infill-switched-off) "on"))
  (force-mode-line-update t))

(defun infill--switched ()
  "Take ghost texts away after something was switched, and tell."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (bound-and-true-p infill-mode) (infill-dismiss))))
  (infill--say-whether-on))

(defun infill-toggle ()
  "Switch suggestions off in all buffers, or on again.
Asking explicitly works all the same."
  (interactive)
  (setq infill--off (not infill--off)
        infill--paused-until nil)
  (infill--switched))

(defun infill-toggle-language ()
  "Switch suggestions off for the major mode of this buffer, or on again."
  (interactive)
  (setq infill--off-modes (if (memq major-mode infill--off-modes)
                              (delq major-mode infill--off-modes)
                            (cons major-mode infill--off-modes)))
  (infill--switched))

(defun infill-pause (minutes)
  "Suggest nothing for MINUTES, an hour without a prefix argument."
  (interactive (list (if current-prefix-arg (prefix-numeric-value current-prefix-arg) 60)))
  (setq infill--paused-until (time-add nil (* 60 minutes)))
  (infill--switched))

(defun infill-resume ()
  "Suggest something again after a pause."
  (interactive)
  (setq infill--paused-until nil)
  (infill--switched))

(defun infill--run-program (arguments done)
  "Run the server's program with ARGUMENTS and call DONE with its output."
  (let ((buffer (generate-new-buffer " *infill output*"))
        (process-environment (cons "COLUMNS=80" process-environment)))
    (make-process
     :name "infill" :buffer buffer :noquery t :connection-type 'pipe
     :command (cons (car infill-command) arguments)
     :sentinel (lambda (process _event)
                 (unless (process-live-p process)
                   (let ((output (with-current-buffer buffer (string-trim (buffer-string)))))
                     (kill-buffer buffer)
                     (if (zerop (process-exit-status process))
                         (funcall done output)
                       (message "%s" output))))))))

(defun infill-choose-model (name)
  "Use the model NAME: here at once, in other editors when they start.
It is fetched if it is not on this machine."
  (interactive
   (list (let ((models (plist-get
                        (json-parse-string
                         (with-output-to-string
                           (call-process (car infill-command) nil standard-output nil
                                         "model" "list" "--json"))
                         :object-type 'plist :null-object nil :false-object nil)
                        :models)))
           (completing-read
            "Model: "
            (lambda (string predicate action)
              (if (eq action 'metadata)
                  `(metadata (annotation-function . ,(infill--model-notes models)))
                (complete-with-action action
                                      (seq-map (lambda (model) (plist-get model :name)) models)
                                      string predicate)))
            nil t))))
  (message "infill-ls gets %s ready" name)
  (infill--run-program
   (list "model" "use" name)
   (lambda (_output)
     (setq infill-settings (plist-put (copy-sequence infill-settings) :model name))
     (infill--settings-changed)
     (message "infill-ls uses %s" name))))

(defun infill--model-notes (models)
  "Return a function that notes of one of MODELS where it is."
  (lambda (name)
    (let ((model (seq-find (lambda (one) (equal name (plist-get one :name))) models)))
      (cond ((plist-get model :inUse) "  in use")
            ((plist-get model :path) "  on this machine")
            (t "  to be fetched")))))

(defun infill-statistics ()
  "Show how much was suggested and accepted."
  (interactive)
  (infill--run-program '("stats") #'infill--show-report))

(defun infill-restart ()
  "Stop all servers, and start this buffer's again."
  (interactive)
  (infill-shutdown)
  (setq infill--failed nil)
  (when infill-mode (infill--connection)))

(defun infill-show-log ()
  "Show what the server wrote to its log."
  (interactive)
  (display-buffer (get-buffer-create " *infill-ls stderr*")))

(defun infill-shutdown ()
  "Stop all servers of `infill-mode', until the next edit."
  (interactive)
  (dolist (connection (hash-table-values infill--connections))
    (ignore-errors (jsonrpc-request connection :shutdown nil :timeout 3))
    (ignore-errors (jsonrpc-notify connection :exit nil))
    (jsonrpc-shutdown connection)))

;;;; The mode

(defun infill--lighter ()
  "Return our part of the mode line."
  (let ((status (and infill--opened (infill--status infill--opened))))
    (cond ((infill-switched-off) " Infill-")
          ((null status) " Infill…")
          ((eq (plist-get status :busy) t) " Infill…")
          ((equal (plist-get status :kind) "Error") " Infill!")
          ((equal (plist-get status :kind) "Inactive") " Infill-")
          (t " Infill"))))

;;;###autoload
(define-minor-mode infill-mode
  "Show completions of a local model as ghost text.

\\{infill-ghost-map}"
  :lighter (:eval (infill--lighter))
  (if infill-mode
      (if (executable-find (car infill-command) t)
          (infill--switch-on)
        (setq infill-mode nil)
        (infill--warn-missing))
    (infill--switch-off)))

(defun infill--switch-on ()
  "Follow what happens in the buffer, and open it in the server."
  (add-hook 'before-change-functions #'infill--before-change nil t)
  (add-hook 'after-change-functions #'infill--after-change nil t)
  (add-hook 'post-command-hook #'infill--after-command nil t)
  (add-hook 'kill-buffer-hook #'infill--close nil t)
  (dolist (hook infill--menu-hooks)
    (add-hook hook #'infill--menu-changed nil t))
  (setq infill--failed (delete (infill--workspace) infill--failed))
  ;; For *scratch* and the like a server is started when something is typed.
  (when buffer-file-name
    (let ((connection (infill--connection)))
      (when (infill--ready-p connection) (infill--open connection)))))

(defun infill--switch-off ()
  "Leave the buffer alone."
  (infill-dismiss)
  (infill--close)
  (remove-hook 'before-change-functions #'infill--before-change t)
  (remove-hook 'after-change-functions #'infill--after-change t)
  (remove-hook 'post-command-hook #'infill--after-command t)
  (remove-hook 'kill-buffer-hook #'infill--close t)
  (dolist (hook infill--menu-hooks)
    (remove-hook hook #'infill--menu-changed t)))

;;;; As the only server

;;;###autoload
(defun infill-setup-eglot (&optional modes last)
  "Make infill-ls the server of Eglot.
It is the server for MODES, a list of major modes, or for all modes.
With non-nil LAST it is the server for what no other one is known for,
and can be chosen elsewhere by a prefix argument to `eglot'.

There is one server for a buffer in Eglot: to have infill-ls beside
another one, use `infill-mode' instead."
  (require 'eglot)
  (let ((entry (cons (or modes '(prog-mode text-mode conf-mode)) infill-command)))
    (add-to-list 'eglot-server-programs entry last)))

;;;###autoload
(defun infill-setup-lsp-mode ()
  "Have lsp-mode run infill-ls beside the server of the language."
  (require 'lsp-mode)
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection (lambda () infill-command))
                    :activation-fn (lambda (&rest _) t)
                    :add-on? t
                    :priority -1
                    :initialization-options #'infill--settings
                    ;; lsp-mode warns of notifications that it does not know.
                    :notification-handlers (map-into '(("didChangeStatus" . ignore))
                                                     '(hash-table :test equal))
                    :server-id 'infill-ls)))

(provide 'infill)
;;; infill.el ends here
