package web

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// citizens are the topics of the pages that citizens see; forStaff are the texts on them that they do not.
var (
	citizens = []string{
		"frame", "time", "upload", "start", "landing", "told", "login", "wait", "logins", "list", "message", "file", "reply", "lost", "receipt",
		"identified", "problem", "info",
	}
	forStaff = regexp.MustCompile(`^(frame\.(write|holds|devices)|list\.(boxes|to|answered|taken|holds\..*)|message\.(forward|case|delete|notify|handling|status|complete|scan.*)|problem\.(legal|held|taken|account|notstaff)\..*)$`)
)

// TestTextsAreComplete: Swedish and English have every text, Finnish those that citizens see, and none has more than Swedish,
// all with the same places.
func TestTextsAreComplete(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	swedish := languages[0].texts
	for _, c := range languages {
		for key, text := range c.texts {
			if _, ok := swedish[key]; !ok {
				t.Errorf("%s: %s is not in Swedish", c.name, key)
			}
			if strings.Join(verbs.FindAllString(text, -1), "") != strings.Join(verbs.FindAllString(swedish[key], -1), "") {
				t.Errorf("%s: the places in %s differ", c.name, key)
			}
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", c.name, key)
			}
		}
	}
	for key := range swedish {
		if _, ok := languageOf("en").texts[key]; !ok {
			t.Errorf("%s is not in English", key)
		}
	}
	for key := range swedish {
		topic, _, _ := strings.Cut(key, ".")
		if _, ok := languageOf("fi").texts[key]; !ok && slices.Contains(citizens, topic) && !forStaff.MatchString(key) {
			t.Errorf("%s, a text that citizens see, is not in Finnish", key)
		}
	}
	if got := languageOf("fi").text("holds.title"); got != swedish["holds.title"] {
		t.Errorf("a text that Finnish lacks is %q", got)
	}
}

// TestTextsAreUsed reads templates and code: every key they name is there, and every text is named.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	key := regexp.MustCompile(`"([a-z]+(?:\.[a-z0-9]+)+)"`)
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		names, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, m := range key.FindAllStringSubmatch(string(b), -1) {
				used[m[1]] = true
				topic, _, _ := strings.Cut(m[1], ".")
				if _, ok := languages[0].texts[topic+".title"]; ok && languages[0].texts[m[1]] == "" && !strings.HasSuffix(m[1], ".html") && !strings.HasSuffix(m[1], ".js") {
					t.Errorf("%s: there is no text %s", name, m[1])
				}
			}
			for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
				if languages[0].texts[m[1]] == "" {
					t.Errorf("%s: there is no text %s", name, m[1])
				}
			}
		}
	}
	for _, p := range problems {
		used["problem."+p.name+".title"], used["problem."+p.name+".text"] = true, true
	}
	for _, f := range replyFaults {
		used["reply.error."+f.name] = true
	}
	for _, f := range writeFaults {
		used["write.error."+f.name] = true
	}
	made := []string{"info.", "wait.say.", "mailbox.", "status.", "hold.error.", "problem.fault.", "message.encrypted.", "write.kind.", "write.cc", "write.bcc", "admin.nav.", "admin.about.", "admin.done.", "admin.kind.", "admin.asked.", "audit."} // put together from a value
	for k := range languages[0].texts {
		composed := false
		for _, prefix := range made {
			composed = composed || strings.HasPrefix(k, prefix)
		}
		if !used[k] && !composed {
			t.Errorf("text %s is not used", k)
		}
	}
}

// TestAuditInWords reads the code that writes the audit: every event has a name for people.
func TestAuditInWords(t *testing.T) {
	t.Parallel()
	event := regexp.MustCompile(`(?:Action: |vent\(|audit\(ctx, [a-z.]+, |changeSearch\(ctx, id, |note\(ctx, |action :?= |action, [a-z]+ :?= )"([a-z ]+)"`)
	n := 0
	for _, folder := range []string{".", "../vault", "../cmd/sigill"} {
		names, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range event.FindAllStringSubmatch(string(b), -1) {
				if n++; !strings.HasSuffix(name, "_test.go") && languages[0].texts["audit."+m[1]] == "" {
					t.Errorf("%s/%s: there is no text for the event %q", folder, name, m[1])
				}
			}
		}
	}
	if n < len(auditActions) {
		t.Errorf("%d events are found in the code", n)
	}
	p := page{catalogue: languages[0]}
	for name, want := range map[string]string{"notice reminder": "Till mottagaren: påminnelse", "read": "Meddelande läst", "of tomorrow": "of tomorrow"} {
		if got := p.Action(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for _, action := range auditActions {
		if p.Action(action) == action {
			t.Errorf("%q is offered without a word", action)
		}
	}
}

func TestTimesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 13, 5, 9, 0, time.UTC)
	summer := time.Date(2026, 8, 7, 22, 30, 0, 0, time.UTC)
	rows := []struct{ got, want string }{
		{languageOf("sv").moment(at), "24 november 2026 kl. 14.05"},
		{languageOf("sv").exact(at), "24 november 2026 kl. 14.05.09"},
		{languageOf("sv").moment(summer), "8 augusti 2026 kl. 00.30"},
		{languageOf("en").moment(at), "24 November 2026 at 14:05"},
		{languageOf("en").exact(at), "24 November 2026 at 14:05:09"},
		{languageOf("fi").moment(at), "24. marraskuuta 2026 klo 14.05"},
		{languageOf("sv").size(999), "999 byte"},
		{languageOf("sv").size(184_320), "184 kB"},
		{languageOf("sv").size(999_600), "1 MB"},
		{languageOf("en").size(26_214_400), "26.2 MB"},
		{languageOf("sv").size(999_949_999), "999,9 MB"},
		{languageOf("sv").size(64_654_100_000), "64,7 GB"},
	}
	for _, row := range rows {
		if row.got != row.want {
			t.Errorf("%q, want %q", row.got, row.want)
		}
	}
}

// TestContrast computes WCAG 2.2 contrast (success criteria 1.4.3 and 1.4.11) of the pairs the style sheet uses, in light
// and dark.
func TestContrast(t *testing.T) {
	t.Parallel()
	b, err := files.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(string(b), 2)
	if len(blocks) != 2 {
		t.Fatal("there must be a light and a dark :root")
	}
	pairs := []struct {
		front, back string
		least       float64
	}{
		{"ink", "paper", 7}, {"ink", "sheet", 7}, {"ink", "tint", 7}, {"ink", "wax-tint", 7},
		{"muted", "paper", 4.5}, {"muted", "sheet", 4.5}, {"muted", "tint", 4.5},
		{"accent", "paper", 4.5}, {"accent", "sheet", 4.5}, {"accent", "tint", 4.5},
		{"accent-over", "paper", 4.5}, {"accent-over", "sheet", 4.5}, {"accent-over", "tint", 4.5},
		{"on-accent", "accent", 4.5}, {"on-accent", "accent-over", 4.5},
		{"wax", "sheet", 4.5}, {"wax", "wax-tint", 4.5},
		{"edge", "sheet", 3}, {"focus", "paper", 3}, {"focus", "sheet", 3}, {"wax", "paper", 3},
	}
	for i, scheme := range []string{"light", "dark"} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(blocks[i][1], -1) {
			colours[m[1]] = luminance(m[2])
		}
		for _, p := range pairs {
			a, okA := colours[p.front]
			b, okB := colours[p.back]
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); !okA || !okB || ratio < p.least {
				t.Errorf("%s: %s on %s is %.2f, must be %.1f", scheme, p.front, p.back, ratio, p.least)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
