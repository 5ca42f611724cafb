package web

import (
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"time"
)

// routes is the table of all pages.
func (s *Server) routes() {
	m := s.mux
	m.HandleFunc("GET /healthz", healthz)
	s.assets.routes(m)

	if c := s.config.MailClients; c != nil {
		for pattern, h := range c.Routes() {
			m.HandleFunc(pattern, h)
		}
	}

	m.HandleFunc("GET /{$}", s.open(s.start))
	m.HandleFunc("GET /m/{token}", s.open(s.landing))
	m.HandleFunc("POST /m/{token}", s.open(s.followLink))
	m.HandleFunc("POST /m/{token}/not-mine", s.open(s.declineLink))
	m.HandleFunc("POST /messages/{id}/not-mine", s.person(s.reading(s.notMine)))
	m.HandleFunc("GET /told", s.open(s.told))
	m.HandleFunc("GET /info/{page}", s.open(s.info))
	m.HandleFunc("GET /login", s.open(s.chooser))
	m.HandleFunc("POST /login/{provider}", s.open(s.beginLogin))
	m.HandleFunc("GET /login/{provider}/callback", s.open(s.endLogin))
	m.HandleFunc(callbackPattern, s.open(s.takeForm))
	m.HandleFunc("GET /login/{provider}/metadata", s.open(s.metadata))
	m.HandleFunc("GET /login/{provider}/wait", s.open(s.wait))
	m.HandleFunc("GET /login/{provider}/wait/part", s.open(s.waitPart))
	m.HandleFunc("POST /login/{provider}/cancel", s.open(s.cancelLogin))
	m.HandleFunc("GET /staff/login", s.open(s.staffForm))
	m.HandleFunc("POST /staff/login", s.passwordsOnly(s.staffLogin))
	m.HandleFunc("GET /staff/code", s.passwordsOnly(s.codeForm))
	m.HandleFunc("POST /staff/code", s.passwordsOnly(s.checkCode))
	m.HandleFunc("POST /staff/passkey", s.passwordsOnly(s.checkPasskey))
	m.HandleFunc("GET /staff/second", s.passwordsOnly(s.seconds))
	m.HandleFunc("POST /staff/second", s.passwordsOnly(s.setSecond))
	m.HandleFunc("POST /staff/second/passkey", s.passwordsOnly(s.addPasskey))
	m.HandleFunc("POST /staff/second/remove", s.passwordsOnly(s.removeFactor))
	m.HandleFunc("POST /staff/second/recovery", s.passwordsOnly(s.newRecovery))
	m.HandleFunc("POST /staff/login/{provider}", s.open(s.beginStaffLogin))
	m.HandleFunc("GET /staff/login/{provider}/callback", s.open(s.endStaffLogin))
	m.HandleFunc("POST /logout", s.open(s.logout))
	m.HandleFunc("GET /logged-out", s.open(s.loggedOut))
	m.HandleFunc("GET /logins", s.closed(s.logins))
	m.HandleFunc("POST /logins", s.closed(s.endLogins))
	m.HandleFunc("POST /logins/extend", s.closed(s.extend))

	m.HandleFunc("GET /messages", s.closed(s.reading(s.list)))
	m.HandleFunc("GET /mailboxes/{id}", s.staff(s.reading(s.mailbox)))
	m.HandleFunc("GET /messages/{id}", s.closed(s.reading(s.message)))
	m.HandleFunc("GET /messages/{id}/html", s.closed(s.reading(s.html)))
	m.HandleFunc("GET /messages/{id}/parts/{part}", s.closed(s.reading(s.part)))
	m.HandleFunc("GET /messages/{id}/pdf", s.closed(s.reading(s.pdf)))
	m.HandleFunc("GET /messages/{id}/raw", s.closed(s.reading(s.raw)))
	m.HandleFunc("GET /messages/{id}/reply", s.person(s.reading(s.replyForm)))
	m.HandleFunc("POST /messages/{id}/reply", s.open(s.reply))
	m.HandleFunc("POST /messages/{id}/reply/draft", s.open(s.keepDraft))
	m.HandleFunc("GET /receipts/{id}", s.person(s.reading(s.receipt)))
	m.HandleFunc("GET /receipts/{id}/pdf", s.person(s.reading(s.receiptPDF)))
	m.HandleFunc("GET /messages/{id}/zip", s.closed(s.reading(s.zip)))

	m.HandleFunc("GET /identified", s.person(s.identified))
	m.HandleFunc("POST /holds/{id}/claims", s.staff(s.reading(s.settleClaim)))
	m.HandleFunc("GET /holds", s.staff(s.reading(s.holds)))
	m.HandleFunc("GET /holds/{id}", s.staff(s.reading(s.hold)))
	m.HandleFunc("POST /holds/{id}", s.staff(s.reading(s.complete)))
	m.HandleFunc("GET /holds/{id}/done", s.staff(s.reading(s.completed)))

	s.staffRoutes(m)
	s.adminRoutes(m)
}

// staffRoutes are the pages on which staff write, and look after what they have sent.
func (s *Server) staffRoutes(m *http.ServeMux) {
	m.HandleFunc("GET /compose", s.staff(s.reading(s.newMail)))
	m.HandleFunc("GET /compose/kept", s.staff(s.reading(s.keptMail)))
	m.HandleFunc("POST /compose", s.open(s.write))
	m.HandleFunc("POST /compose/confirm", s.open(s.confirm))
	m.HandleFunc("GET /search", s.staff(s.searchForm))
	m.HandleFunc("POST /search", s.staff(s.reading(s.search)))
	m.HandleFunc("GET /devices", s.staff(s.devices))
	m.HandleFunc("POST /devices", s.staff(s.addDevice))
	m.HandleFunc("POST /devices/revoke", s.staff(s.revokeDevice))
	m.HandleFunc("GET /messages/{id}/answer", s.staff(s.reading(s.answerForm)))
	m.HandleFunc("GET /messages/{id}/forward", s.staff(s.reading(s.forwardForm)))
	m.HandleFunc("GET /messages/{id}/sent", s.staff(s.reading(s.sent)))
	m.HandleFunc("GET /messages/{id}/recall", s.staff(s.reading(s.recallPage)))
	m.HandleFunc("POST /messages/{id}/recall", s.staff(s.reading(s.recall)))
	m.HandleFunc("POST /messages/{id}/notify", s.staff(s.reading(s.notifyAgain)))
	m.HandleFunc("POST /messages/{id}/take", s.staff(s.reading(s.take)))
	m.HandleFunc("GET /messages/{id}/fenced/{part}", s.staff(s.reading(s.fencedPage)))
	m.HandleFunc("POST /messages/{id}/fenced/{part}", s.staff(s.reading(s.takeFenced)))
	m.HandleFunc("GET /messages/{id}/case", s.staff(s.reading(s.casePage)))
	m.HandleFunc("POST /messages/{id}/case", s.staff(s.reading(s.caseForm)))
	m.HandleFunc("GET /messages/{id}/delete", s.staff(s.reading(s.deletePage)))
	m.HandleFunc("POST /messages/{id}/delete", s.staff(s.reading(s.deleteMessage)))
}

// chain is the way of every request: client, headers, log and rescue, language and session, origin, page.
func (s *Server) chain() http.Handler {
	same := http.NewCrossOriginProtection()
	same.AddInsecureBypassPattern(callbackPattern) // it reads no cookie
	same.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, s.visit(w, r), errCrossOrigin)
	}))
	return s.withClient(s.withHeaders(s.withRescue(s.withSession(same.Handler(http.HandlerFunc(s.route))))))
}

// route answers unknown addresses and methods with pages of our own instead of the mux's.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	h, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	answer := &statusOnly{header: http.Header{}}
	h.ServeHTTP(answer, r)
	err := errNoPage
	if answer.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", answer.header.Get("Allow"))
		err = errMethod
	}
	s.open(func(*visit) error { return err })(w, r)
}

type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }
func (w *statusOnly) Write(p []byte) (int, error) { return len(p), nil }

// withRescue logs each request by its pattern, never by its address, and makes a panic one request's fault.
func (s *Server) withRescue(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		watched := &watchedWriter{ResponseWriter: w}
		defer func() {
			_, pattern := s.mux.Handler(r)
			// What a panic holds may be content, so only its type is logged.
			if fault := recover(); fault == http.ErrAbortHandler {
				panic(fault) // a download that was cut off, logged there
			} else if fault != nil {
				if watched.status != 0 {
					s.log.Error("web: panic in an answer", "route", pattern, "panic", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
					panic(http.ErrAbortHandler)
				}
				s.problem(watched, s.visit(watched, r), fmt.Errorf("web: panic: %T\n%s", fault, debug.Stack()))
			}
			s.log.Debug("web: request", "route", pattern, "status", watched.status, "took", time.Since(began))
		}()
		next.ServeHTTP(watched, r)
	})
}

type watchedWriter struct {
	http.ResponseWriter
	status int
}

func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok\n")
}
