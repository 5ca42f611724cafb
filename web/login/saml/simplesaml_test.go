package saml_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sigill/policy"
	"sigill/web/login"
	"sigill/web/login/saml"
)

// TestSimpleSAMLphp logs in at SimpleSAMLphp, which checks our signed requests and encrypts for us. It is for running by
// hand, after: apt-get install simplesamlphp php-cli php-xml
func TestSimpleSAMLphp(t *testing.T) {
	t.Parallel()
	const www = "/usr/share/simplesamlphp/www"
	php, err := exec.LookPath("php")
	if _, missing := os.Stat(www); err != nil || missing != nil {
		t.Skip("needs SimpleSAMLphp (Debian packages simplesamlphp, php-cli, php-xml)")
	}
	i := newIDP(t)
	site := startSimpleSAML(t, php, www, i)
	jar, err := cookiejar.New(nil)
	must(t, err)
	browser := &http.Client{Transport: site.Client().Transport, Jar: jar, Timeout: 20 * time.Second}
	i.config.Provider, i.config.Metadata.Text = "https://ssp.example/idp", []byte(page(t, browser, site.URL+"/saml2/idp/metadata.php", nil))
	p := i.provider()
	begun, err := p.Start(t.Context(), visit())
	must(t, err)
	form := page(t, browser, begun.URL, nil)
	state := regexp.MustCompile(`name="AuthState" value="([^"]+)"`).FindStringSubmatch(form)
	if state == nil {
		t.Fatalf("no login form in\n%s", form)
	}
	answer := page(t, browser, site.URL+"/module.php/core/loginuserpass.php", url.Values{
		"username": {"astrid"}, "password": {"hunter2"}, "AuthState": {html.UnescapeString(state[1])},
	})
	field := func(name string) string {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]+)"`).FindStringSubmatch(answer)
		if m == nil {
			t.Fatalf("no %s in\n%s", name, answer)
		}
		return html.UnescapeString(m[1])
	}
	who, err := p.Finish(t.Context(), url.Values{"SAMLResponse": {field("SAMLResponse")}, "RelayState": {field("RelayState")}}, begun.Memory)
	if err != nil || who.Person != policy.MustPersonID(number) || who.Assurance != login.LOA3 {
		t.Errorf("%v, %v", who, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func page(t *testing.T, browser *http.Client, address string, form url.Values) string {
	t.Helper()
	get := func() (*http.Response, error) { return browser.Get(address) }
	if form != nil {
		get = func() (*http.Response, error) { return browser.PostForm(address, form) }
	}
	resp, err := get()
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(text)
}

// lockedText is what a process says.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startSimpleSAML serves it by PHP's own server, behind TLS.
func startSimpleSAML(t *testing.T, php, www string, i *idp) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	back := l.Addr().String()
	must(t, l.Close())
	site := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: back})
		r.Out.Host = r.In.Host
	}})
	t.Cleanup(site.Close)
	dir := t.TempDir()
	write := func(name, text string) {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("cert/idp.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(i.it.key)})))
	write("cert/idp.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.it.certificate.Raw})))
	write("config/config.php", fmt.Sprintf(`<?php $config = ['baseurlpath' => '%s/', 'certdir' => '%s/cert/', 'loggingdir' => '%s/', 'tempdir' => '%s/tmp',
'secretsalt' => 'of this test only', 'auth.adminpassword' => 'x1y2z3', 'enable.saml20-idp' => true, 'store.type' => 'phpsession', 'session.phpsession.savepath' => '%s',
'session.cookie.secure' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true], 'timezone' => 'UTC',
'logging.handler' => 'errorlog', 'metadata.sources' => [['type' => 'flatfile', 'directory' => '%s/metadata']]];`, site.URL, dir, dir, dir, dir, dir))
	write("config/authsources.php", `<?php $config = ['people' => ['exampleauth:UserPass', 'astrid:hunter2' => ['`+saml.PersonalIdentityNumber+`' => ['`+number+`']]]];`)
	write("metadata/saml20-idp-hosted.php", `<?php $metadata['https://ssp.example/idp'] = ['host' => '__DEFAULT__', 'privatekey' => 'idp.key', 'certificate' => 'idp.crt',
'auth' => 'people', 'saml20.sign.response' => true, 'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri',
'authproc' => [60 => ['class' => 'saml:AuthnContextClassRef', 'AuthnContextClassRef' => '`+login.LOA3+`']]];`)
	write("metadata/saml20-sp-remote.php", `<?php $metadata['`+ours+`'] = ['AssertionConsumerService' => '`+callback+`', 'assertion.encryption' => true, 'validate.authnrequest' => true,
'sharedkey_algorithm' => 'http://www.w3.org/2009/xmlenc11#aes256-gcm', 'certData' => '`+base64.StdEncoding.EncodeToString(i.us.certificate.Raw)+`'];`)
	c := exec.CommandContext(t.Context(), php, "-S", back, "-t", www)
	c.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+dir+"/config")
	var said lockedText
	c.Stdout, c.Stderr = &said, &said
	must(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for range 100 { // it has no other way to say that it listens
		conn, err := net.Dial("tcp", back)
		if err == nil {
			conn.Close()
			return site
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("PHP does not listen:\n" + said.String())
	return nil
}
