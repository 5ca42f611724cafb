package clean

// kind is how an element nests (HTML, "13.2.6 Tree construction").
type kind uint8

const (
	inline kind = iota + 1
	block       // ends a paragraph
	void        // has no content
	part        // of a table
)

// elements are all that a page may hold.
var elements = map[string]kind{
	"a": inline, "abbr": inline, "acronym": inline, "b": inline, "bdi": inline, "bdo": inline, "big": inline,
	"cite": inline, "code": inline, "del": inline, "dfn": inline, "em": inline, "font": inline, "i": inline,
	"ins": inline, "kbd": inline, "mark": inline, "q": inline, "s": inline, "samp": inline, "small": inline,
	"span": inline, "strike": inline, "strong": inline, "sub": inline, "sup": inline, "tt": inline, "u": inline,
	"var": inline,

	"address": block, "article": block, "aside": block, "blockquote": block, "center": block, "dd": block,
	"div": block, "dl": block, "dt": block, "figcaption": block, "figure": block, "footer": block, "h1": block,
	"h2": block, "h3": block, "h4": block, "h5": block, "h6": block, "header": block, "li": block, "main": block,
	"nav": block, "ol": block, "p": block, "pre": block, "section": block, "table": block, "ul": block,

	"br": void, "col": void, "hr": void, "img": void, "wbr": void,

	"caption": part, "colgroup": part, "tbody": part, "td": part, "tfoot": part, "th": part, "thead": part, "tr": part,
}

// silent elements hold text that no reader sees. What the tokenizer gives between their tags is dropped.
var silent = map[string]bool{"script": true, "style": true, "title": true, "iframe": true}

// fallback elements hold markup for readers like ours, where a tokenizer that runs scripts sees raw text.
var fallback = map[string]bool{"noscript": true, "noembed": true, "noframes": true}

// maxDepth is how many elements may be open at once. Deeper ones are dropped and their content stays.
const maxDepth = 200

// rule tells which open element a start tag ends, if it is above each of the barriers.
type rule struct{ ends, barriers []string }

var (
	cell  = []string{"table", "td", "th", "caption"}
	table = []string{"table"}

	paragraph = rule{[]string{"p"}, cell}
	implied   = map[string]rule{
		"a":        {[]string{"a"}, cell},
		"li":       {[]string{"li"}, append([]string{"ul", "ol", "blockquote"}, cell...)},
		"dd":       {[]string{"dd", "dt"}, append([]string{"dl", "blockquote"}, cell...)},
		"dt":       {[]string{"dd", "dt"}, append([]string{"dl", "blockquote"}, cell...)},
		"td":       {[]string{"td", "th", "caption", "colgroup"}, table},
		"th":       {[]string{"td", "th", "caption", "colgroup"}, table},
		"tr":       {[]string{"tr", "caption", "colgroup"}, table},
		"tbody":    {[]string{"tbody", "thead", "tfoot", "caption", "colgroup"}, table},
		"thead":    {[]string{"tbody", "thead", "tfoot", "caption", "colgroup"}, table},
		"tfoot":    {[]string{"tbody", "thead", "tfoot", "caption", "colgroup"}, table},
		"caption":  {[]string{"caption", "colgroup"}, table},
		"colgroup": {[]string{"caption", "colgroup"}, table},
	}
)

// endBarriers are what an end tag does not reach through.
func endBarriers(name string) []string {
	switch {
	case name == "table":
		return nil
	case elements[name] == part:
		return table
	}
	return cell
}
