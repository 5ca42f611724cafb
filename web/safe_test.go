package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sigill/web"
	"sigill/web/brand"
)

const (
	pagePolicy  = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	loginPolicy = pagePolicy + " https://idp.example"
	// insidePolicy is of the pages behind a login, which tell of its end by a script.
	insidePolicy = pagePolicy + "; script-src 'self'; connect-src 'self'"
	filePolicy   = "default-src 'none'; frame-ancestors 'none'; sandbox"
	mailPolicy   = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

const hostile = `From: anna.ek@exempel.se
To: astrid@example.com
Subject: <script>alert(1)</script>
Message-ID: <hostile@exempel.se>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/related; boundary="inner"

--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><head><base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=https://evil.example/">
<style>@import url(https://evil.example/x.css); body{background:url(https://evil.example/bg.png)}</style>
<link rel="stylesheet" href="https://evil.example/y.css"></head>
<body onload="alert(1)" background="https://evil.example/b.png">
<p>Synlig text</p><script>alert(2)</script><img src="https://evil.example/pixel.gif" alt="spårpixel"><img src="cid:logo@x" alt="logga">
<form action="https://evil.example/"><input name="password"></form><iframe src="https://evil.example/"></iframe>
<svg onload="alert(3)"><style><img src=x onerror=alert(4)></style></svg><a href="javascript:alert(5)">klick</a>
<div style="position:fixed;top:0;left:0;width:100%;height:100%;background-image:url(//evil.example/z)">över</div>
<a href="https://good.example/">god länk</a></body></html>
--inner
Content-Type: image/png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
--inner--
--outer
Content-Type: text/html; name="sida.html"
Content-Disposition: attachment; filename*=utf-8''..%2F..%2Fsk%C3%A5de%22%0D%0Adel%E2%80%AEfdp.html

<script>alert(6)</script>
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename="beslut.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQ=
--outer--
`

func TestHostileMail(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := "/messages/" + s.send(hostile, astrid).ID.String()
	v := s.person(astridID)
	page := v.get(id).is(http.StatusOK).
		has(`<iframe class="mail short" src="`+id+`/html"`, `sandbox="allow-popups allow-popups-to-escape-sandbox"`, "&lt;script&gt;alert(1)&lt;/script&gt;", "skåde delfdp.html", "beslut.pdf").
		lacks("<script>", "evil.example")
	header(t, page, "Content-Security-Policy", insidePolicy)
	if scripts := regexp.MustCompile(`<script[^>]*>`).FindAllString(page.body, -1); len(scripts) != 1 || !strings.HasPrefix(scripts[0], `<script src="/static/time.js?v=`) {
		t.Errorf("scripts are %q", scripts)
	}
	if strings.Count(page.body, "/parts/") != 2 {
		t.Error("the picture in the text is no attachment, the two others are:\n" + page.body)
	}
	mail := v.get(id+"/html").is(http.StatusOK).has("Synlig text", "god länk", "https://good.example/", "data:image/png;base64,iVBOR", "spårpixel").
		lacks("<script", "evil.example", "onload", "onerror", "javascript:", "<form", "<iframe", "<base", "http-equiv=\"refresh", "cid:")
	header(t, mail, "Content-Security-Policy", mailPolicy)
	header(t, mail, "Content-Type", "text/html; charset=utf-8")
	header(t, mail, "X-Content-Type-Options", "nosniff")
	header(t, mail, "Cache-Control", "no-store")
	v.get(id+"?view=plain").is(http.StatusOK).has("Synlig text", "god länk").lacks("<iframe", "<script>")
	v.get(id+"?view=raw").is(http.StatusOK).has("&lt;script&gt;alert(2)", "Content-Type: multipart/mixed").lacks("<script>")

	var parts []answer
	for _, m := range regexp.MustCompile(`href="(/messages/[^"]+/parts/[^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		a := v.get(m[1]).is(http.StatusOK)
		header(t, a, "Content-Security-Policy", filePolicy)
		header(t, a, "X-Content-Type-Options", "nosniff")
		header(t, a, "Cache-Control", "no-store")
		parts = append(parts, a)
	}
	header(t, parts[0], "Content-Type", "application/octet-stream")
	header(t, parts[0], "Content-Disposition", `attachment; filename="sk_de delfdp.html"; filename*=UTF-8''sk%C3%A5de%20delfdp.html`)
	header(t, parts[1], "Content-Type", "application/pdf")
	header(t, parts[1], "Content-Disposition", `attachment; filename="beslut.pdf"; filename*=UTF-8''beslut.pdf`)
	if !strings.Contains(parts[0].body, "alert(6)") || parts[1].body != "%PDF-1.4" {
		t.Errorf("parts came out as %q and %q", parts[0].body, parts[1].body)
	}
	for _, part := range []string{"0", "9", "1", "x", "1.1.1.1"} {
		v.get(id + "/parts/" + part).is(http.StatusNotFound)
	}
	raw := v.get(id + "/raw").is(http.StatusOK)
	header(t, raw, "Content-Security-Policy", filePolicy)
	header(t, raw, "Content-Type", "message/rfc822")
	if raw.body != strings.ReplaceAll(hostile, "\n", "\r\n") {
		t.Error("the raw mail is not what came in")
	}
}

func header(t *testing.T, a answer, name, want string) {
	t.Helper()
	if got := strings.Join(a.Header.Values(name), " | "); got != want {
		t.Errorf("%s: %s is %q, want %q", a.path, name, got, want)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	id := "/messages/" + s.send(letterText, astrid).ID.String()
	v, out := s.person(astridID), s.visitor()
	rows := []struct {
		a      answer
		policy string
		cache  string
	}{
		{out.get("/"), loginPolicy, "no-store"},
		{out.get("/m/x"), loginPolicy, "no-store"},
		{out.get("/login"), loginPolicy, "no-store"},
		{out.get("/staff/login"), pagePolicy, "no-store"},
		{out.get("/nowhere"), pagePolicy, "no-store"},
		{out.get("/healthz"), pagePolicy, "no-store"},
		{out.get("/static/style.css"), pagePolicy, "no-cache"},
		{out.get(id), pagePolicy, "no-store"},
		{v.get("/messages"), insidePolicy, "no-store"},
		{v.get(id), insidePolicy, "no-store"},
		{v.get(id + "/reply"), insidePolicy, "no-store"},
		{v.get(id + "/raw"), filePolicy, "no-store"},
		{v.get("/messages/none"), insidePolicy, "no-store"},
	}
	for _, row := range rows {
		header(t, row.a, "Content-Security-Policy", row.policy)
		header(t, row.a, "Cache-Control", row.cache)
		header(t, row.a, "Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		header(t, row.a, "Cross-Origin-Opener-Policy", "same-origin")
		header(t, row.a, "Cross-Origin-Resource-Policy", "same-origin")
		header(t, row.a, "Referrer-Policy", "no-referrer")
		header(t, row.a, "X-Content-Type-Options", "nosniff")
	}
	a := s.visitor().post("/login/eid", nil)
	cookie := regexp.MustCompile(`^__Host-sigill=[\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`)
	if got := a.Header.Values("Set-Cookie"); len(got) != 1 || !cookie.MatchString(got[0]) {
		t.Errorf("cookies are %q", got)
	}
}

// TestCrossOrigin: no other site makes a browser change anything.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	id := sent.ID.String()
	v := s.person(astridID)
	token := v.form(sent.ID)
	for _, path := range []string{"/logout", "/login/eid", "/staff/login", "/m/x", "/messages/" + id + "/reply", "/holds/" + id} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := v.request("POST", path, strings.NewReader(multipartForm(token, "hej")))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=XXX")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set(name, value)
			v.do(r).is(http.StatusForbidden).has("Det kom från en annan webbplats")
		}
	}
	v.get("/messages").is(http.StatusOK)
	if n := len(s.inbox()); n != 0 {
		t.Errorf("%d mails", n)
	}
}

func TestBrokenMail(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.person(astridID)
	rows := []struct{ name, raw, shows string }{
		{"no header", "det här är bara text\nutan huvud\n", "utan huvud"},
		{"no boundary", "Subject: x\nContent-Type: multipart/mixed\n\nkvar är texten\n", "kvar är texten"},
		{"empty multipart", "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b--\n", "--b--"},
		{"cut off", "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhalva breve", "halva breve"},
		{"unknown encoding", "Subject: x\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n", "begin 644 x"},
		{"raw octets", "Subject: \xe5\xe4\xf6\n\nbl\xe5b\xe4r\n", "blåbär"},
		{"nothing", "", "Visa som rå text"},
		{"binary", "\x00\x01\x02\xff\xfe", "\ufffd"},
	}
	for _, row := range rows {
		a := v.get("/messages/" + s.send(row.raw, astrid).ID.String())
		if a.StatusCode != http.StatusOK || row.name != "nothing" && !strings.Contains(a.body, row.shows) {
			t.Errorf("%s: %d, %q is not in\n%s", row.name, a.StatusCode, row.shows, a.body)
		}
	}
	v.get("/messages").is(http.StatusOK).has("Utan ämne")
}

func TestPDF(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.person(astridID)
	for _, raw := range []string{letterText, hostile, "bara text\n"} {
		a := v.get("/messages/" + s.send(raw, astrid).ID.String() + "/pdf").is(http.StatusOK)
		header(t, a, "Content-Type", "application/pdf")
		header(t, a, "Content-Security-Policy", filePolicy)
		if !strings.HasPrefix(a.body, "%PDF-") {
			t.Errorf("got %.40q", a.body)
		}
		if !regexp.MustCompile(`^attachment; filename="meddelande-\d{4}-\d\d-\d\d.pdf"`).MatchString(a.Header.Get("Content-Disposition")) {
			t.Errorf("name is %q", a.Header.Get("Content-Disposition"))
		}
	}
}

func TestUnknownPagesAndMethods(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	v := s.visitor()
	v.get("/nowhere").is(http.StatusNotFound).has("Sidan finns inte")
	a := v.post("/", nil).is(http.StatusMethodNotAllowed).has("Så kan sidan inte användas")
	header(t, a, "Allow", "GET, HEAD")
	v.get("/logout").is(http.StatusMethodNotAllowed)
	v.get("/login/eid").is(http.StatusMethodNotAllowed)
	v.get("/healthz").is(http.StatusOK).has("ok")
	v.get("/static/").is(http.StatusNotFound)
	// "//evil.example/x" as a link leads to another host.
	v.get(s.server.URL + "//evil.example/x").is(http.StatusNotFound).has(`href="/evil.example/x?lang=en"`)
	v.get("/receipts/x").to("/login?to=%2Freceipts%2Fx")
	v.post("/staff/login", url.Values{"username": {strings.Repeat("x", 40_000)}}).is(http.StatusBadRequest)
}

// TestFault: what nobody foresaw is a page with a name for the incident, and a line in the log with the cause.
func TestFault(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	s.idp.is(astridID, errUnforeseen)
	v := s.visitor()
	a := v.follow(v.post("/login/eid", nil)).is(http.StatusInternalServerError).has("Något gick fel hos oss").lacks("unforeseen")
	incident := first(a.body, `Ange numret ([A-Z2-7]{10})`)
	if incident == "" || !strings.Contains(s.log.String(), incident) || !strings.Contains(s.log.String(), "unforeseen") {
		t.Errorf("incident %q, log:\n%s", incident, s.log)
	}
}

// TestLogsAndAddresses: neither holds what is secret.
func TestLogsAndAddresses(t *testing.T) {
	t.Parallel()
	s := newStage(t, web.Limits{})
	sent := s.send(letterText, astrid)
	token := s.link(astrid)
	v := s.visitor()
	s.idp.is(astridID, nil)
	v.follow(v.post("/login/eid", url.Values{"link": {token}})).is(http.StatusOK)
	form := v.form(sent.ID)
	a := v.follow(v.replyTo(sent.ID, form, "hemlig text", upload{"hemligt namn.txt", "text/plain", "hemligt"})).is(http.StatusOK)
	id := strings.TrimPrefix(a.path, "/receipts/")
	v.get("/messages/" + id + "/parts/2").is(http.StatusOK)
	v.get("/nowhere/" + astridID.Digits())
	log := s.log.String()
	if !strings.Contains(log, `route="GET /messages/{id}"`) {
		t.Error("requests are logged by pattern:\n" + log)
	}
	for _, secret := range []string{astridID.Digits(), "19900101", "hemlig", "hemtj", "Beslut", token, form, id, sent.ID.String(), "astrid"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
}

// TestFirstPageIsSmall: all that a phone fetches to show a link's page, with the largest logo there may be.
func TestFirstPageIsSmall(t *testing.T) {
	t.Parallel()
	s := stageOf(t, func(c *web.Config) { c.Brand = ownBrand(t, brand.MaxLogo) })
	v := s.visitor()
	page := v.get("/m/abcdefghijklmnopqrstuvwxyz").is(http.StatusOK)
	sizes := []int{len(page.body)}
	paths := map[string]bool{} // the logo is there twice, and is fetched once
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(page.body, -1) {
		paths[m[1]] = true
	}
	for path := range paths {
		r := v.request("GET", path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		a := v.do(r).is(http.StatusOK)
		header(t, a, "Cache-Control", "public, max-age=31536000, immutable")
		sizes = append(sizes, len(a.body))
	}
	sum := 0
	for _, n := range sizes {
		sum += n
	}
	if sum > 30_000 {
		t.Errorf("%d octets: %v", sum, sizes)
	}
	if regexp.MustCompile(`(?i)<script|style=|\son[a-z]+=|(src|href)="https?://[^w]`).MatchString(page.body) {
		t.Error("scripts, styles or pictures from elsewhere:\n" + page.body)
	}
}
