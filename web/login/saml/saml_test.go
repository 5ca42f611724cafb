package saml_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"go.uber.org/goleak"

	"sigill/policy"
	"sigill/web/login"
	"sigill/web/login/saml"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLogin(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	former := i.element(`<saml:Attribute xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Name="` + saml.PreviousPersonalIdentityNumber + `"><saml:AttributeValue>189001019802</saml:AttributeValue></saml:Attribute>`)
	i.assertion = func(a *etree.Element) { a.FindElement("./AttributeStatement").AddChild(former) }
	p := i.provider()
	begun, err := p.Start(t.Context(), visit())
	if err != nil {
		t.Fatal(err)
	}
	request, state := i.request(begun.URL)
	for name, want := range map[string]string{
		"Destination": place, "ForceAuthn": "true", "IsPassive": "false", "AssertionConsumerServiceURL": callback,
		"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "Version": "2.0",
	} {
		if got := request.SelectAttrValue(name, ""); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	levels := request.FindElements("./RequestedAuthnContext/AuthnContextClassRef")
	if len(levels) != 2 || levels[0].Text() != login.LOA3 || request.FindElement("./RequestedAuthnContext").SelectAttrValue("Comparison", "") != "exact" {
		t.Error("the request does not ask for exact levels")
	}
	if len(request.SelectAttrValue("ID", "")) < 27 || len(state) < 26 {
		t.Error("request and state must have 128 bits")
	}
	answer := i.makeResponse(request.SelectAttrValue("ID", ""), state)
	who, err := p.Finish(t.Context(), answer, begun.Memory)
	if err != nil {
		t.Fatal(err)
	}
	if who.Person != policy.MustPersonID(number) || who.Assurance != login.LOA3 ||
		!slices.Equal(who.Former, []policy.PersonID{policy.MustPersonID("189001019802")}) {
		t.Errorf("got %v", who)
	}
	if _, err := p.Finish(t.Context(), answer, begun.Memory); !errors.Is(err, login.ErrToken) {
		t.Errorf("the same response again: %v", err)
	}
	again, err := p.Start(t.Context(), visit())
	if err != nil {
		t.Fatal(err)
	}
	_, state = i.request(again.URL)
	answer.Set("RelayState", state)
	if _, err := p.Finish(t.Context(), answer, again.Memory); !errors.Is(err, login.ErrToken) {
		t.Errorf("the same response to another request: %v", err)
	}
}

func TestGoodResponses(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		set  func(i *idp)
	}{
		{"a signed assertion in a signed response", func(i *idp) {
			i.sealed = func(plain []byte) []byte { return []byte(write(i.t, i.sound(i.element(string(plain))))) }
		}},
		{"the higher level", func(i *idp) { i.values["level"] = login.LOA4 }},
		{"an uncertified level that the configuration accepts", func(i *idp) {
			i.values["level"], i.config.Accepted = login.UncertifiedLOA3, []string{login.UncertifiedLOA3}
		}},
		{"clocks apart by less than a minute", func(i *idp) {
			i.values["until"], i.values["from"] = i.at(-50*time.Second), i.at(50*time.Second)
		}},
		{"a comment in the issuer, put there after signing, changes nothing", func(i *idp) {
			i.finallyText = func(s string) string {
				return strings.Replace(s, theirs, "https://idp.<!-- x -->example.se/metadata", 1)
			}
		}},
		{"a comment in the number changes nothing", func(i *idp) {
			i.sealed = func(plain []byte) []byte {
				return []byte(strings.Replace(string(plain), number, "19900101<!-- x -->9802", 1))
			}
		}},
		{"SHA-512", func(i *idp) {
			i.sign = func(r *etree.Element) *etree.Element { return i.signed(r, i.it, dsig.RSASHA512SignatureMethod) }
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			i := newIDP(t)
			row.set(i)
			who, err := i.login(i.provider())
			if err != nil || who.Person != policy.MustPersonID(number) {
				t.Errorf("%v, %v", who, err)
			}
		})
	}
}

const strangers = "199908072391"

// forged is an assertion with somebody else's number.
func (i *idp) forged(request string) *etree.Element {
	a := i.makeAssertion(request)
	a.CreateAttr("ID", "_forged")
	a.FindElement(".//AttributeValue").SetText(strangers)
	return a
}

// signature takes the signature out of a signed element.
func signature(e *etree.Element) *etree.Element {
	s := e.FindElement("./Signature")
	e.RemoveChild(s)
	return s
}

func TestHostileResponses(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name string
		why  string
		set  func(i *idp)
		want error
	}{
		// What the signature covers. The wrapping attacks keep a right signature and have something else read.
		{"unsigned response, signed assertion", "the response itself must be signed", func(i *idp) {
			i.sealed = func(plain []byte) []byte { return []byte(write(i.t, i.sound(i.element(string(plain))))) }
			i.sign = func(r *etree.Element) *etree.Element { return r }
		}, login.ErrToken},
		{"no signature at all", "", func(i *idp) { i.sign = func(r *etree.Element) *etree.Element { return r } }, login.ErrToken},
		{"another's key", "", func(i *idp) {
			stranger, err := newPapers(time.Now())
			if err != nil {
				i.t.Fatal(err)
			}
			i.sign = func(r *etree.Element) *etree.Element { return i.signed(r, stranger, dsig.RSASHA256SignatureMethod) }
		}, login.ErrToken},
		{"SHA-1", "", func(i *idp) {
			i.sign = func(r *etree.Element) *etree.Element { return i.signed(r, i.it, dsig.RSASHA1SignatureMethod) }
		}, login.ErrToken},
		{"a changed response", "", func(i *idp) {
			i.finally = func(r *etree.Element) { r.CreateAttr("Destination", callback+"2") }
		}, login.ErrToken},
		{"a comment that cuts the issuer", "what is before it is not the whole", func(i *idp) {
			i.values["issuer"] = "https://idp.example.se/metadata<!-- x -->.other.example"
		}, login.ErrToken},
		{"a comment that cuts the number", "", func(i *idp) { i.values["number"] = number + "<!-- x -->2391" }, login.ErrBadNumber},
		{"a second assertion in clear", "beside the one that is signed", func(i *idp) {
			i.finally = func(r *etree.Element) { r.AddChild(i.forged("x")) }
		}, login.ErrToken},
		{"a second encrypted assertion", "beside the one that is signed", func(i *idp) {
			i.finally = func(r *etree.Element) { r.InsertChildAt(0, i.encrypt([]byte(write(i.t, i.forged("x"))))) }
		}, login.ErrToken},
		{"two encrypted assertions, signed", "which of them counts is nobody's guess", func(i *idp) {
			i.response = func(r *etree.Element) { r.AddChild(i.encrypt([]byte(write(i.t, i.forged("x"))))) }
		}, login.ErrToken},
		{"wrapped in an evil response", "the signed response lies inside, the evil one is read", func(i *idp) {
			i.finally = i.wrap(func(evil, signed, sig *etree.Element) { evil.AddChild(sig); sig.AddChild(signed) })
		}, login.ErrToken},
		{"wrapped, signature beside", "the signed response in an extension of the evil one", func(i *idp) {
			i.finally = i.wrap(func(evil, signed, sig *etree.Element) {
				evil.AddChild(sig)
				evil.CreateElement("samlp:Extensions").AddChild(signed)
			})
		}, login.ErrToken},
		{"wrapped in an Object", "ds:Object is where a signature may keep what it covers", func(i *idp) {
			i.finally = i.wrap(func(evil, signed, sig *etree.Element) {
				evil.AddChild(sig)
				sig.CreateElement("ds:Object").AddChild(signed)
			})
		}, login.ErrToken},
		{"wrapped, same ID", "two elements with the ID that is signed", func(i *idp) {
			i.finally = i.wrap(func(evil, signed, sig *etree.Element) {
				evil.CreateAttr("ID", "_response")
				evil.AddChild(sig)
				evil.CreateElement("samlp:Extensions").AddChild(signed)
			})
		}, login.ErrToken},
		{"wrapped, whole signed response inside", "the signature stays with what it covers", func(i *idp) {
			i.finally = i.wrap(func(evil, signed, sig *etree.Element) { signed.AddChild(sig); evil.AddChild(signed) })
		}, login.ErrToken},
		{"signature on the status", "a signature, but of another element", func(i *idp) {
			i.sign = func(r *etree.Element) *etree.Element {
				s := r.FindElement("./Status")
				s.CreateAttr("ID", "_status")
				s.CreateAttr("xmlns:samlp", "urn:oasis:names:tc:SAML:2.0:protocol")
				signed := i.sound(s.Copy())
				r.AddChild(signature(signed))
				return r
			}
		}, login.ErrToken},
		{"two signatures", "which of them counts is nobody's guess", func(i *idp) {
			i.finally = func(r *etree.Element) { r.AddChild(r.FindElement("./Signature").Copy()) }
		}, login.ErrToken},
		{"an assertion signed by another", "inside a right response", func(i *idp) {
			i.sealed = func(plain []byte) []byte {
				return []byte(write(i.t, i.signed(i.element(string(plain)), i.us, dsig.RSASHA256SignatureMethod)))
			}
		}, login.ErrToken},
		{"an assertion in an assertion", "the inner one is not read", func(i *idp) {
			i.assertion = func(a *etree.Element) { a.CreateElement("saml:Advice").AddChild(i.forged("x")) }
		}, login.ErrToken},
		{"a DTD", "entities change what is read", func(i *idp) {
			i.finallyText = func(s string) string { return `<!DOCTYPE x [<!ENTITY n "` + strangers + `">]>` + s }
		}, login.ErrToken},
		{"a DTD in the assertion", "", func(i *idp) {
			i.sealed = func(plain []byte) []byte { return append([]byte(`<!DOCTYPE x>`), plain...) }
		}, login.ErrToken},
		{"garbage", "", func(i *idp) { i.finallyText = func(string) string { return "x" } }, login.ErrToken},
		{"something large", "", func(i *idp) {
			i.finallyText = func(s string) string { return s + strings.Repeat(" ", 512<<10) }
		}, login.ErrToken},

		// Encryption.
		{"an assertion in clear", "encryption is required", func(i *idp) { i.open = true }, login.ErrToken},
		{"RSA 1.5", "a padding oracle", func(i *idp) { i.values["key transport"] = "http://www.w3.org/2001/04/xmlenc#rsa-1_5" }, login.ErrToken},
		{"3DES", "", func(i *idp) { i.values["encryption"] = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc" }, login.ErrToken},
		{"not an assertion", "what is encrypted is anything", func(i *idp) { i.sealed = func([]byte) []byte { return []byte("<x/>") } }, login.ErrToken},

		// Whose answer it is, to what, for whom and when.
		{"unsolicited", "no InResponseTo", func(i *idp) { i.values["request"] = "" }, login.ErrToken},
		{"another's request", "", func(i *idp) { i.values["request"] = "_other" }, login.ErrToken},
		{"another's confirmation", "", func(i *idp) { i.values["confirmed request"] = "_other" }, login.ErrToken},
		{"destination", "", func(i *idp) { i.values["destination"] = "https://other.example/acs" }, login.ErrToken},
		{"no destination", "", func(i *idp) { i.values["destination"] = "" }, login.ErrToken},
		{"recipient", "", func(i *idp) { i.values["recipient"] = "https://other.example/acs" }, login.ErrToken},
		{"audience", "an assertion for another service", func(i *idp) { i.values["audience"] = "https://other.example" }, login.ErrToken},
		{"no audience", "", func(i *idp) {
			i.assertion = func(a *etree.Element) { c := a.FindElement("./Conditions"); c.RemoveChild(c.ChildElements()[0]) }
		}, login.ErrToken},
		{"no conditions", "", func(i *idp) {
			i.assertion = func(a *etree.Element) { a.RemoveChild(a.FindElement("./Conditions")) }
		}, login.ErrToken},
		{"no confirmation", "", func(i *idp) {
			i.assertion = func(a *etree.Element) {
				s := a.FindElement("./Subject")
				s.RemoveChild(s.FindElement("./SubjectConfirmation"))
			}
		}, login.ErrToken},
		{"holder of key", "only bearers are known", func(i *idp) { i.values["method"] = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" }, login.ErrToken},
		{"response issuer", "mix-up", func(i *idp) { i.values["issuer"] = "https://other.example.se" }, login.ErrToken},
		{"assertion issuer", "", func(i *idp) { i.values["assertion issuer"] = "https://other.example.se" }, login.ErrToken},
		{"expired", "beyond a minute of skew", func(i *idp) { i.values["until"] = i.at(-61 * time.Second) }, login.ErrToken},
		{"confirmation expired", "", func(i *idp) { i.values["confirmed until"] = i.at(-61 * time.Second) }, login.ErrToken},
		{"not yet", "", func(i *idp) { i.values["from"] = i.at(61 * time.Second) }, login.ErrToken},
		{"an old response", "made before the request", func(i *idp) { i.values["made"] = i.at(-2 * time.Minute) }, login.ErrToken},
		{"a response of the future", "", func(i *idp) { i.values["made"] = i.at(2 * time.Minute) }, login.ErrToken},
		{"an old login", "ForceAuthn: it must be later than the request", func(i *idp) { i.values["authenticated"] = i.at(-2 * time.Minute) }, login.ErrToken},

		// Who it is.
		{"a lower level", "it was not asked for", func(i *idp) { i.values["level"] = "http://id.elegnamnden.se/loa/1.0/loa2" }, login.ErrAssurance},
		{"an uncertified level", "accepted only if the configuration says so", func(i *idp) { i.values["level"] = login.UncertifiedLOA3 }, login.ErrAssurance},
		{"no number", "the attribute is known by its name, not its friendly one", func(i *idp) { i.values["attribute"] = "urn:oid:1.2.3" }, login.ErrNoNumber},
		{"a bad number", "", func(i *idp) { i.values["number"] = "199001019803" }, login.ErrBadNumber},
		{"two numbers", "", func(i *idp) {
			i.assertion = func(a *etree.Element) {
				a.FindElement(".//Attribute").CreateElement("saml:AttributeValue").SetText(strangers)
			}
		}, login.ErrToken},
		{"broken off", "the person said no", func(i *idp) {
			i.values["status"] = "urn:oasis:names:tc:SAML:2.0:status:Responder"
			i.values["sub-status"] = `<samlp:StatusCode Value="http://id.elegnamnden.se/status/1.0/cancel"/>`
		}, login.ErrCancelled},
		{"level not to be had", "", func(i *idp) {
			i.values["status"] = "urn:oasis:names:tc:SAML:2.0:status:Responder"
			i.values["sub-status"] = `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"/>`
		}, login.ErrAssurance},
		{"another status", "", func(i *idp) { i.values["status"] = "urn:oasis:names:tc:SAML:2.0:status:Requester" }, login.ErrToken},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			i := newIDP(t)
			row.set(i)
			who, err := i.login(i.provider())
			if !errors.Is(err, row.want) {
				t.Fatalf("%s: got %v, want %v", row.why, err, row.want)
			}
			if !who.Person.IsZero() {
				t.Error("an identity came with an error")
			}
			if strings.Contains(err.Error(), "19900101") || strings.Contains(err.Error(), strangers) {
				t.Errorf("the error holds a number: %v", err)
			}
		})
	}
}

// wrap makes of a signed response an evil one with a forged assertion, and has place put the signed one and its signature
// somewhere in it.
func (i *idp) wrap(place func(evil, signed, sig *etree.Element)) func(r *etree.Element) {
	return func(r *etree.Element) {
		signed := r.Copy()
		sig := signature(signed)
		request := r.SelectAttrValue("InResponseTo", "")
		r.RemoveChild(r.FindElement("./Signature"))
		r.RemoveChild(r.FindElement("./EncryptedAssertion"))
		r.CreateAttr("ID", "_evil")
		r.AddChild(i.encrypt([]byte(write(i.t, i.forged(request)))))
		place(r, signed, sig)
	}
}

// TestSession: what comes back is held against what the session began.
func TestSession(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	p := i.provider()
	begun, err := p.Start(t.Context(), visit())
	if err != nil {
		t.Fatal(err)
	}
	request, state := i.request(begun.URL)
	good := i.makeResponse(request.SelectAttrValue("ID", ""), state)
	for why, row := range map[string]struct{ state, memory string }{
		"another's state": {"other", begun.Memory},
		"no state":        {"", begun.Memory},
		"no memory":       {state, ""},
		"empty memory":    {"", "{}"},
	} {
		answer := url.Values{"SAMLResponse": good["SAMLResponse"], "RelayState": {row.state}}
		if _, err := p.Finish(t.Context(), answer, row.memory); !errors.Is(err, login.ErrState) {
			t.Errorf("%s: %v", why, err)
		}
	}
	i.now = i.now.Add(16 * time.Minute)
	if _, err := p.Finish(t.Context(), good, begun.Memory); !errors.Is(err, login.ErrState) {
		t.Errorf("too late: %v", err)
	}
}

func TestFetchedMetadata(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	federation := i.other
	var text string
	fetched := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if fetched++; text == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	publish := func(signer papers, method string, keys ...papers) {
		var plain string
		for _, k := range keys {
			plain = i.metadata(k.certificate)
		}
		text = write(t, i.signed(i.element(plain), signer, method))
	}
	i.config.Metadata = saml.Source{URL: server.URL, Signer: federation.certificate}
	i.config.Origins, i.config.HTTP = []string{"https://idp.example.se"}, server.Client()
	t.Cleanup(server.Client().CloseIdleConnections)
	p := i.provider()
	start := func() error {
		_, err := p.Start(t.Context(), visit())
		return err
	}
	if err := start(); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("nothing fetched: %v", err)
	}
	text = i.metadata(i.it.certificate)
	if err := start(); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("metadata without signature: %v", err)
	}
	publish(i.us, dsig.RSASHA256SignatureMethod, i.it)
	if err := start(); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("metadata signed by another: %v", err)
	}
	publish(federation, dsig.RSASHA1SignatureMethod, i.it)
	if err := start(); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("metadata signed with SHA-1: %v", err)
	}
	publish(federation, dsig.RSASHA256SignatureMethod, i.other) // of a key that is changed soon
	if _, err := i.login(p); !errors.Is(err, login.ErrToken) {
		t.Errorf("a key that is not in the metadata: %v", err)
	}
	before := fetched
	publish(federation, dsig.RSASHA256SignatureMethod, i.it)
	if start(); fetched != before {
		t.Error("metadata is fetched at every login")
	}
	i.now = i.now.Add(7 * time.Hour)
	if who, err := i.login(p); err != nil || who.Person.IsZero() {
		t.Errorf("the new key: %v", err)
	}
	text = ""
	i.now = i.now.Add(10 * time.Hour)
	if err := start(); err != nil {
		t.Errorf("the old metadata is good for a day: %v", err)
	}
	i.now = i.now.Add(24 * time.Hour)
	if err := start(); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("expired metadata: %v", err)
	}
}

// TestMetadataHangs: pages with a login button do not wait for a federation that does not answer, and while old metadata is
// good, one login in five minutes does.
func TestMetadataHangs(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	asked, answer := make(chan struct{}, 10), make(chan string)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		w.Write([]byte(<-answer))
	}))
	t.Cleanup(server.Close)
	i.config.Metadata = saml.Source{URL: server.URL, Signer: i.other.certificate}
	i.config.Origins, i.config.HTTP = []string{"https://idp.example.se"}, server.Client()
	t.Cleanup(server.Client().CloseIdleConnections)
	p := i.provider()
	start := func() chan error {
		done := make(chan error, 1)
		go func() {
			_, err := p.Start(t.Context(), visit())
			done <- err
		}()
		return done
	}
	first := start()
	<-asked
	p.About() // or the test hangs
	answer <- write(t, i.signed(i.element(i.metadata(i.it.certificate)), i.other, dsig.RSASHA256SignatureMethod))
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	i.now = i.now.Add(7 * time.Hour)
	slow := start()
	<-asked
	if err := <-start(); err != nil {
		t.Errorf("beside one that waits: %v", err)
	}
	answer <- "broken"
	if err := <-slow; err != nil {
		t.Errorf("the old metadata is good for a day: %v", err)
	}
	if err := <-start(); err != nil || len(asked) > 0 {
		t.Errorf("asked again at once: %v", err)
	}
	i.now = i.now.Add(6 * time.Minute)
	slow = start()
	<-asked
	answer <- "broken"
	<-slow
}

// TestOurMetadata: a provider can read it, and find its signature right.
func TestOurMetadata(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	text, err := i.provider().Metadata(callback)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{i.us.certificate}})
	context.IdAttribute = "ID"
	e, err := context.Validate(doc.Root())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`entityID="` + ours + `"`, `Location="` + callback + `"`, `AuthnRequestsSigned="true"`,
		"http://id.elegnamnden.se/ec/1.0/loa3-pnr", "http://id.elegnamnden.se/st/1.0/public-sector-sp",
		"http://id.swedenconnect.se/general-ec/1.0/accepts-coordination-number",
		`<mdui:DisplayName xml:lang="sv">Exempels kommun`, "mailto:it@exempel.se", "aes256-gcm",
		base64.StdEncoding.EncodeToString(i.us.certificate.Raw),
	} {
		if !strings.Contains(write(t, e), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	if a := i.provider().About(); !a.Form || !slices.Equal(a.Origins, []string{"https://idp.example.se"}) {
		t.Errorf("%+v", a)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	for name, change := range map[string]func(*saml.Config){
		"id with a slash":    func(c *saml.Config) { c.ID = "a/b" },
		"no entity id":       func(c *saml.Config) { c.EntityID = "" },
		"no provider":        func(c *saml.Config) { c.Provider = "" },
		"no key":             func(c *saml.Config) { c.Key = nil },
		"another's key":      func(c *saml.Config) { c.Key = i.it.key },
		"no level":           func(c *saml.Config) { c.Accepted = []string{} },
		"no metadata":        func(c *saml.Config) { c.Metadata = saml.Source{} },
		"metadata of others": func(c *saml.Config) { c.Provider = "https://unknown.example.se" },
		"garbage":            func(c *saml.Config) { c.Metadata.Text = []byte("x") },
		"address without key": func(c *saml.Config) {
			c.Metadata = saml.Source{URL: "https://x.example"}
			c.Origins = []string{"https://x"}
		},
		"http": func(c *saml.Config) {
			c.Metadata = saml.Source{URL: "http://x.example", Signer: i.it.certificate}
			c.Origins = []string{"https://x"}
		},
		"address, no origin":   func(c *saml.Config) { c.Metadata = saml.Source{URL: "https://x.example", Signer: i.it.certificate} },
		"metadata has expired": func(c *saml.Config) { c.Now = func() time.Time { return i.now.Add(48 * time.Hour) } },
	} {
		c := i.config
		change(&c)
		if _, err := saml.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
