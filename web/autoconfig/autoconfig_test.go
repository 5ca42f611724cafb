package autoconfig

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

var settings = Settings{
	Organisation: "Exempels <kommun> & regn", Domains: []string{"kommun.example", "skola.example"}, Host: "mail.kommun.example",
	IMAPS: 993, Submissions: 465, Submission: 587,
}

func ask(t *testing.T, method, target, body string) *http.Response {
	t.Helper()
	m := http.NewServeMux()
	for pattern, h := range settings.Routes() {
		m.HandleFunc(pattern, h)
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w.Result()
}

func request(address string) string {
	return `<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>` +
		address + `</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, target, body string
		status               int
		has                  []string
		why                  string
	}{
		{"GET", "/mail/config-v1.1.xml?emailaddress=anna@kommun.example", "", 200,
			[]string{"<domain>skola.example</domain>", "<port>993</port>", "<socketType>STARTTLS</socketType>", "%EMAILADDRESS%"}, "Thunderbird, autoconfig host"},
		{"GET", "/.well-known/autoconfig/mail/config-v1.1.xml", "", 200, []string{"<hostname>mail.kommun.example</hostname>"}, "Thunderbird, well-known"},
		{"POST", "/autodiscover/autodiscover.xml", request("anna@kommun.example"), 200,
			[]string{"<LoginName>anna@kommun.example</LoginName>", "<SPA>off</SPA>", "<Port>465</Port>", "<Encryption>SSL</Encryption>"}, "Outlook"},
		{"POST", "/Autodiscover/Autodiscover.xml", request("nobody@SKOLA.example"), 200, []string{"<LoginName>nobody@skola.example</LoginName>"}, "another case; an account nobody has looks the same"},
		{"GET", "/autodiscover/autodiscover.xml", "", 200, []string{"<Type>IMAP</Type>"}, "a probe"},
		{"POST", "/autodiscover/autodiscover.xml", request("anna@fjarran.example"), 404, nil, "not ours"},
		{"POST", "/autodiscover/autodiscover.xml", "<Autodiscover", 400, nil, "cut off"},
		{"POST", "/autodiscover/autodiscover.xml", strings.Repeat("<a>", maxRequest), 400, nil, "too long"},
		{"GET", "/mail/apple.mobileconfig?address=anna@kommun.example", "", 200,
			[]string{"<string>anna@kommun.example</string>", "<key>IncomingMailServerPortNumber</key><integer>993</integer>", "Exempels &lt;kommun&gt; &amp; regn"}, "Apple Mail"},
		{"GET", "/mail/apple.mobileconfig", "", 404, nil, "no address"},
		{"GET", "/mail/apple.mobileconfig?address=anna%40kommun.example%3Cx%3E", "", 404, nil, "no address"},
	} {
		r := ask(t, c.method, c.target, c.body)
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.why, r.StatusCode, b)
			continue
		}
		for _, want := range c.has {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s: no %s in\n%s", c.why, want, b)
			}
		}
		if c.status == 200 {
			wellFormed(t, c.why, string(b))
		}
	}
}

// TestHalf: a profile with a port 0 would be taken and never work; Thunderbird and Outlook are told what there is.
func TestHalf(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{{Domains: settings.Domains, Submission: 587}, {Domains: settings.Domains, IMAPS: 993}} {
		for target, status := range map[string]int{
			"/mail/config-v1.1.xml": 200, "/autodiscover/autodiscover.xml": 200, "/mail/apple.mobileconfig?address=anna@kommun.example": 404,
		} {
			w := httptest.NewRecorder()
			m := http.NewServeMux()
			for pattern, h := range s.Routes() {
				m.HandleFunc(pattern, h)
			}
			m.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if w.Code != status || strings.Contains(w.Body.String(), ">0<") {
				t.Errorf("%s: %d\n%s", target, w.Code, w.Body)
			}
		}
	}
}

func wellFormed(t *testing.T, why, text string) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("%s: %v", why, err)
			return
		}
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	s := settings
	s.Submission = 0
	web, err := url.Parse("https://sakert.kommun.example")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range s.Records(web) {
		lines = append(lines, r.String())
	}
	all := strings.Join(lines, "\n")
	for why, want := range map[string]string{
		"IMAP":                  "_imaps._tcp.kommun.example. IN SRV 0 1 993 mail.kommun.example.",
		"each domain":           "_imaps._tcp.skola.example. IN SRV 0 1 993 mail.kommun.example.",
		"a port not served":     "_submission._tcp.kommun.example. IN SRV 0 0 0 .",
		"Outlook":               "_autodiscover._tcp.kommun.example. IN SRV 0 0 443 sakert.kommun.example.",
		"Thunderbird's address": "autoconfig.skola.example. IN CNAME sakert.kommun.example.",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s: no %q in\n%s", why, want, all)
		}
	}
	if got := Text("a.example", strings.Repeat("x", 300), "").Value; got != `"`+strings.Repeat("x", 255)+`" "`+strings.Repeat("x", 45)+`"` {
		t.Errorf("a long text: %s", got)
	}
}

func TestUUID(t *testing.T) {
	t.Parallel()
	a, b := uuid("x", "y"), uuid("xy")
	if a == b || a != uuid("x", "y") || len(a) != 36 || a[14] != '8' {
		t.Errorf("%s and %s", a, b)
	}
}

func FuzzOutlook(f *testing.F) {
	f.Add(request("anna@kommun.example"))
	f.Add("<a")
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		settings.outlook(w, httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", strings.NewReader(body)))
		if w.Code == 200 {
			wellFormed(t, body, w.Body.String())
		}
	})
}
