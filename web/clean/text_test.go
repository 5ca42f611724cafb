package clean

import "testing"

func TestText(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, mail, want string }{
		{"entities", "<p>&aring;&auml;&ouml; &#229; &Aring;rsm&ouml;te&nbsp;1 &amp;lt;</p>", "åäö å Årsmöte 1 &lt;"},
		{"entity in a link", `<a href="https://a.se/">l&auml;nk</a>`, "länk <https://a.se/>"},
		{"link that is its target", `Se <a href="https://a.se/">a.se</a>, <a href="mailto:b@a.se">b@a.se</a>`, "Se a.se, b@a.se"},
		{"link without a target to follow", `<a href="javascript:x">länk</a>`, "länk"},
		{"link without text", `<a href="https://a.se/"><img src=x></a>`, "<https://a.se/>"},
		{"white space", " a \n\t b<b> c</b>d ", "a b cd"},
		{"paragraphs", "<p>a</p><p>b</p><div>c</div><div>d</div>e", "a\n\nb\nc\nd\ne"},
		{"breaks", "a<br>b<br><br>c", "a\nb\n\nc"},
		{"lists", "<ul><li>a<ol start=3><li>b<li>c</ol><li>d</ul>e", "- a\n  3. b\n  4. c\n- d\n\ne"},
		{"table", "<table><tr><th>a<th>b<tr><td><p>c</p><td><div>d</div></table>e", "a | b\nc | d\ne"},
		{"tall cells", "<table><tr><td>a<br>b<td>c</table>", "a\nb\nc"},
		{"nested tables", "<table><tr><td><table><tr><td>a<td>b</tr></table></td></tr><tr><td>c</table>", "a | b\nc"},
		{"quotes", "a<blockquote>b<blockquote>c</blockquote></blockquote>d", "a\n\n> b\n>\n> > c\n\nd"},
		{"pre", "<pre>a  b\n  c</pre>d", "a  b\n  c\n\nd"},
		{"scripts and styles", "a<script>x</script><style>y</style><title>z</title>b", "ab"},
		{"hidden", `a<div style="DISPLAY : none">x<div>y</div></div>b`, "ab"},
		{"picture", `<img src=x alt="Karta">`, "[Karta]"},
		{"fallback", "<noscript><p>a</p></noscript>", "a"},
		{"nothing", "", ""},
		{"invalid UTF-8", "a\xffb\x00c", "a\uFFFDbc"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := Text(row.mail); got != row.want {
				t.Errorf("got\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

func TestFilterStyle(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ style, want, reason string }{
		{"color:red;position:fixed", "color: red", "position covers"},
		{"Color: RGB( 1, 2, 3 ) !important", "color: rgb( 1, 2, 3 )", "case and importance do not matter"},
		{"border:1px solid rgb(1, 2, 3)", "border: 1px solid rgb(1, 2, 3)", "a colour function is one value"},
		{"background:#fff", "background-color: #fff", "a shorthand of one colour"},
		{"background:#fff url(x)", "", "a shorthand that loads"},
		{"margin:0 auto 1.5em -1px", "", "a negative margin covers"},
		{"margin-top:-0;margin-left:-0px;padding:0 -0", "", "a sign where there is nothing below zero"},
		{"margin:0cm;margin-bottom:.0001pt", "margin: 0cm; margin-bottom: .0001pt", "as Word writes them"},
		{"width:100%;max-width:600px;height:9999px", "width: 100%; max-width: 600px", "a size that hides the rest"},
		{"width:101%", "", "wider than its place"},
		{"font-size:0", "", "hidden text"},
		{"line-height:1.5;font-size:11.0pt", "line-height: 1.5; font-size: 11.0pt", "type"},
		{`font-family:"Segoe UI",Arial`, `font-family: "segoe ui",arial`, "quotes stay"},
		{"font-family:'a(b'", "", "no function in a name"},
		{`color:red;width:\31`, "", "an escape hides what is meant"},
		{"color:red;/*", "", "a comment hides what is meant"},
		{"mso-list:l0;text-indent:-18.0pt", "text-indent: -18.0pt", "lists of Word"},
		{"text-indent:-9999px", "", "hidden text"},
		{"width:calc(1px);width:1e9px;width:NaN", "", "functions, exponents, words"},
		{":;;x:y;color", "", "nothing to keep"},
	} {
		if got := filterStyle(row.style); got != row.want {
			t.Errorf("%s: %q gave %q, want %q", row.reason, row.style, got, row.want)
		} else if got != "" && !styleShape.MatchString(got) {
			t.Errorf("%s: the allow-list drops %q", row.reason, got)
		}
	}
}
