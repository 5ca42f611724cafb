package clean

import (
	"strings"
	"testing"
)

func TestHeight(t *testing.T) {
	t.Parallel()
	sizes := map[string][2]int{"logo": {200, 50}, "photo": {4000, 3000}, "odd": {}}
	picture := func(cid string) (int, int, bool) {
		size, ok := sizes[cid]
		return size[0], size[1], ok
	}
	for _, row := range []struct {
		reason, mail string
		want         int
	}{
		{"nothing", "", 0},
		{"a line", "<p>Hej</p>", 24},
		{"a long line is two", "<p>" + strings.Repeat("hej ", 25) + "</p>", 48},
		{"a logo under a line", "Hej<br><img src=cid:logo alt=Logga>", 24 + 50},
		{"its width is given", `<img src="cid:logo" width="100px" height="200">`, 25},
		{"its width is that of its style", `<img src=cid:logo width=100 style="width:50px">`, 12},
		{"the style says its height", `<img src=cid:logo style="height:30pt">`, 40},
		{"no wider than the page", "<img src=CID:photo>", 480},
		{"hidden", `<img src=cid:photo style="display:none"><div style="display:none"><img src=cid:photo></div>`, 0},
		{"from elsewhere, so that its words stand there", "<img src=https://a.example/x alt=Karta>", 24},
		{"that nobody has", "<img src=cid:none>", 0},
		{"whose size nobody can tell", "<img src=cid:odd>", farTooTall},
		{"in the address itself", "<img src=" + pixel + ">", farTooTall},
	} {
		if got := Height(row.mail, picture); got != row.want {
			t.Errorf("%s: %d, want %d", row.reason, got, row.want)
		}
	}
}
