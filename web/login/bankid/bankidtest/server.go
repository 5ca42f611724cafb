// Package bankidtest is a BankID server for tests: the four calls over mutual TLS, as strict about requests as BankID is,
// with orders that go the way a script says.
package bankidtest

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
)

// Step is what one collect answers.
type Step struct {
	HTTP   int    // an error's status; 0 is 200
	Code   string // errorCode, with HTTP
	Status string
	Hint   string
	Number string // with status complete
	Device string // the app's address, with status complete
}

// Pending, Failed, Complete and Refused are steps.
func Pending(hint string) Step { return Step{Status: "pending", Hint: hint} }

// Failed ends an order.
func Failed(hint string) Step { return Step{Status: "failed", Hint: hint} }

// Complete ends an order with who it was, whose app was at an address.
func Complete(number, device string) Step {
	return Step{Status: "complete", Number: number, Device: device}
}

// Refused is an error answer; the order stays.
func Refused(status int, code string) Step { return Step{HTTP: status, Code: code} }

// Order is one that was placed.
type Order struct {
	Request   map[string]any
	AutoStart string
	QRToken   string
	QRSecret  string
	Collects  int
	Cancelled bool

	ref   string
	steps []Step
	over  bool
}

// Server is the fake.
type Server struct {
	URL    string // ends in a slash
	CA     *x509.Certificate
	Client tls.Certificate // one that the server lets in

	t       testing.TB
	mu      sync.Mutex
	scripts [][]Step
	refusal Step
	orders  []*Order
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	p, err := certificates()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, CA: p.authority, Client: p.client}
	m := http.NewServeMux()
	m.HandleFunc("/rp/v6.0/auth", s.auth)
	m.HandleFunc("/rp/v6.0/collect", s.collect)
	m.HandleFunc("/rp/v6.0/cancel", s.cancel)
	server := httptest.NewUnstartedServer(m)
	clients := x509.NewCertPool()
	clients.AddCert(p.authority)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{p.server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.URL = server.URL + "/rp/v6.0/"
	return s
}

// Script says how the next orders go, one script each. The last step of a script that does not end its order is repeated.
// An order without script is pending for ever.
func (s *Server) Script(scripts ...[]Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, scripts...)
}

// Refuse makes the next order be refused.
func (s *Server) Refuse(status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = Refused(status, code)
}

// Orders are copies of those placed, oldest first.
func (s *Server) Orders() (out []Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		out = append(out, *o)
	}
	return out
}

// read demands what BankID demands of every call.
func (s *Server) read(w http.ResponseWriter, r *http.Request, into any) bool {
	switch {
	case r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, "methodNotAllowed")
	case r.Header.Get("Content-Type") != "application/json":
		refuse(w, http.StatusUnsupportedMediaType, "unsupportedMediaType")
	case r.ProtoMajor != 1:
		refuse(w, http.StatusBadRequest, "invalidParameters")
	case json.NewDecoder(r.Body).Decode(into) != nil:
		refuse(w, http.StatusBadRequest, "invalidParameters")
	default:
		return true
	}
	return false
}

func refuse(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]string{"errorCode": code, "details": "199001019802 is not to be told"})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}

func (s *Server) auth(w http.ResponseWriter, r *http.Request) {
	var request map[string]any
	if !s.read(w, r, &request) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal.HTTP != 0 {
		refuse(w, s.refusal.HTTP, s.refusal.Code)
		s.refusal = Step{}
		return
	}
	if fault := faultOf(request); fault != "" {
		s.t.Errorf("bankidtest: the order is wrong: %s", fault)
		refuse(w, http.StatusBadRequest, "invalidParameters")
		return
	}
	o := &Order{Request: request, ref: rand.Text(), AutoStart: rand.Text(), QRToken: rand.Text(), QRSecret: rand.Text()}
	o.steps = []Step{Pending("outstandingTransaction")}
	if len(s.scripts) > 0 {
		o.steps, s.scripts = s.scripts[0], s.scripts[1:]
	}
	s.orders = append(s.orders, o)
	answer(w, http.StatusOK, map[string]string{
		"orderRef": o.ref, "autoStartToken": o.AutoStart, "qrStartToken": o.QRToken, "qrStartSecret": o.QRSecret, "newField": "to be ignored",
	})
}

func faultOf(request map[string]any) string {
	known := []string{"endUserIp", "returnUrl", "userVisibleData", "userVisibleDataFormat", "requirement", "web"}
	for name := range request {
		if !slices.Contains(known, name) {
			return "field " + name
		}
	}
	address, _ := request["endUserIp"].(string)
	if _, err := netip.ParseAddr(address); err != nil {
		return "endUserIp"
	}
	visible, _ := request["userVisibleData"].(string)
	if _, err := base64.StdEncoding.DecodeString(visible); err != nil || len(visible) > 1500 {
		return "userVisibleData"
	}
	return ""
}

func (s *Server) order(w http.ResponseWriter, r *http.Request) *Order {
	var in struct {
		OrderRef string `json:"orderRef"`
	}
	if !s.read(w, r, &in) {
		return nil
	}
	i := slices.IndexFunc(s.orders, func(o *Order) bool { return o.ref == in.OrderRef && !o.over })
	if i < 0 {
		refuse(w, http.StatusBadRequest, "invalidParameters")
		return nil
	}
	return s.orders[i]
}

func (s *Server) collect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(w, r)
	if o == nil {
		return
	}
	step := o.steps[0]
	o.Collects++
	if len(o.steps) > 1 {
		o.steps = o.steps[1:]
	}
	if step.HTTP != 0 {
		refuse(w, step.HTTP, step.Code)
		return
	}
	out := map[string]any{"orderRef": o.ref, "status": step.Status, "hintCode": step.Hint, "newField": 1}
	if step.Status == "complete" {
		out["completionData"] = map[string]any{
			"user":            map[string]string{"personalNumber": step.Number, "name": "ASTRID EK", "givenName": "ASTRID", "surname": "EK"},
			"device":          map[string]string{"ipAddress": step.Device, "uhi": "uhi"},
			"bankIdIssueDate": "2020-02-01", "signature": "c2ln", "ocspResponse": "b2NzcA==",
		}
	}
	o.over = step.Status != "pending" // a result is given once
	answer(w, http.StatusOK, out)
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.order(w, r); o != nil {
		o.Cancelled, o.over = true, true
		fmt.Fprint(w, "{}")
	}
}
