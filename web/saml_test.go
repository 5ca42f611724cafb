package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/xml"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/samlidp"
	dsig "github.com/russellhaering/goxmldsig"

	"sigill/web"
	"sigill/web/login"
	"sigill/web/login/saml"
)

// samlKeys are the provider's and ours, made once a process.
var samlKeys = sync.OnceValues(func() (out [2]struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}, err error) {
	for i := range out {
		if out[i].key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return out, err
		}
		leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, out[i].key.Public(), out[i].key)
		if err != nil {
			return out, err
		}
		if out[i].certificate, err = x509.ParseCertificate(der); err != nil {
			return out, err
		}
	}
	return out, nil
})

// samlSite is crewjam's identity provider on a site of its own, "localhost", beside ours, which is 127.0.0.1.
type samlSite struct {
	*saml.Provider
	server *httptest.Server
	url    string
}

// swedish makes crewjam's assertions those of an e-ID: who logs in by the name is the person of that number.
type swedish struct{ crewjam.DefaultAssertionMaker }

func (s swedish) MakeAssertion(req *crewjam.IdpAuthnRequest, session *crewjam.Session) error {
	if err := s.DefaultAssertionMaker.MakeAssertion(req, session); err != nil {
		return err
	}
	a := req.Assertion
	a.AuthnStatements[0].AuthnContext.AuthnContextClassRef = &crewjam.AuthnContextClassRef{Value: login.LOA3}
	a.AuthnStatements[0].AuthnInstant = time.Now()
	a.AttributeStatements[0].Attributes = append(a.AttributeStatements[0].Attributes, crewjam.Attribute{
		Name: saml.PersonalIdentityNumber, NameFormat: "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
		Values: []crewjam.AttributeValue{{Type: "xs:string", Value: session.UserName}},
	})
	return nil
}

func newSAML(t *testing.T) samlSite {
	t.Helper()
	keys, err := samlKeys()
	must(t, err)
	s := samlSite{server: httptest.NewUnstartedServer(nil)}
	_, port, _ := strings.Cut(s.server.Listener.Addr().String(), ":")
	s.url = "https://localhost:" + port
	base, err := url.Parse(s.url)
	must(t, err)
	idp, err := samlidp.New(samlidp.Options{
		URL: *base, Key: keys[0].key, Certificate: keys[0].certificate, Store: &samlidp.MemoryStore{}, Logger: log.New(io.Discard, "", 0),
	})
	must(t, err)
	idp.IDP.AssertionMaker, idp.IDP.SignatureMethod = swedish{}, dsig.RSASHA256SignatureMethod
	idp.IDP.LoginURL = idp.IDP.SSOURL // where its form is to be posted
	s.server.Config.Handler = idp
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	metadata, err := xml.Marshal(idp.IDP.Metadata())
	must(t, err)
	s.Provider, err = saml.New(saml.Config{
		ID: "saml", Name: "Sweden Connect", EntityID: "https://sakert.exempel.se/saml", Key: keys[1].key, Certificate: keys[1].certificate,
		Provider: s.url + "/metadata", Metadata: saml.Source{Text: metadata},
		Organisation: saml.Organisation{Name: "Exempels kommun", URL: "https://www.exempel.se"},
	})
	must(t, err)
	s.put(t, "/users/"+astridID.Digits(), `{"name": "`+astridID.Digits()+`", "password": "hunter2"}`)
	return s
}

func (s samlSite) put(t *testing.T, path, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.server.URL+path, strings.NewReader(body))
	must(t, err)
	resp, err := s.server.Client().Do(r)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s: %s", path, resp.Status)
	}
}

// know gives the provider our metadata, as an operator does.
func (s samlSite) know(t *testing.T, v *visitor) {
	t.Helper()
	s.put(t, "/services/us", v.get("/login/saml/metadata").is(http.StatusOK).body)
}

// TestSAMLInABrowser: the provider posts its answer from another site, and the session's cookie is found again.
func TestSAMLInABrowser(t *testing.T) {
	t.Parallel()
	idp := newSAML(t)
	s := newStage(t, web.Limits{}, idp)
	idp.know(t, s.visitor())
	sent := s.send(letterText, astrid)
	b := newBrowser(t, s, idp.url)
	b.run(chromedp.Navigate(s.server.URL+"/m/"+s.link(astrid)), chromedp.Click(chromedp.CSS(`form[action="/login/saml"] button`)),
		chromedp.WaitVisible(chromedp.CSS("input[name=user]")))
	b.run(chromedp.SendKeys(chromedp.CSS("input[name=user]"), astridID.Digits()), chromedp.SendKeys(chromedp.CSS("input[name=password]"), "hunter2"),
		chromedp.Submit(chromedp.CSS("input[name=password]")), chromedp.WaitVisible(chromedp.CSS("div.text, iframe.mail, article")))
	b.at("/messages/"+sent.ID.String(), "Hej Astrid!")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, note := range b.notes {
		t.Error("the browser says: " + note)
	}
}

// TestForeignForms: what another site has a browser post is kept for a moment, and opens nothing by itself.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	idp := newSAML(t)
	s := newStage(t, web.Limits{}, idp)
	v := s.visitor()
	cross := func(path string) answer {
		t.Helper()
		r := v.request("POST", path, strings.NewReader("SAMLResponse=x&RelayState=y"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", idp.url)
		return v.do(r)
	}
	a := cross("/login/saml/callback").is(http.StatusSeeOther)
	if len(a.Cookies()) != 0 {
		t.Error("a form from another site sets a cookie")
	}
	next := a.Header.Get("Location")
	if !strings.HasPrefix(next, "/login/saml/callback?answer=") {
		t.Fatalf("sent on to %s", next)
	}
	v.get(next).is(http.StatusBadRequest) // no login is under way
	v.post("/login/saml", nil).is(http.StatusSeeOther)
	next = cross("/login/saml/callback").Header.Get("Location")
	s.visitor().get(next).is(http.StatusBadRequest) // another browser
	v.post("/login/saml", nil)
	v.get(cross("/login/saml/callback").Header.Get("Location")).is(http.StatusBadRequest) // not the answer to this login
	v.post("/login/saml", nil)
	next = cross("/login/saml/callback").Header.Get("Location")
	s.clock.pass(3 * time.Minute)
	v.get(next).is(http.StatusBadRequest) // too late
	cross("/login/eid/callback").is(http.StatusNotFound)
	cross("/login/none/callback").is(http.StatusNotFound)
	for _, path := range []string{"/login/saml", "/logout", "/m/x", "/login/bankid/cancel"} {
		cross(path).is(http.StatusForbidden)
	}
	v.get("/login/eid/metadata").is(http.StatusNotFound)
	v.get("/messages").is(http.StatusSeeOther)
}
