package policy

import (
	"slices"
	"strings"
)

// Test tells whether a number is one of those the Swedish Tax Agency gives out for tests and gives to nobody.
//
// Its list of personnummer holds, for every day from 1976 to 2013, the birth numbers 238 and 239, but for the days below
// on which one of them is missing and so may be somebody's. Those are told by rule. Elsewhere in its lists there is no
// rule that holds, so of the older, of the younger and of the samordningsnummer only those written here are known.
func (p PersonID) Test() bool {
	digits := p.Digits()
	if slices.Contains(testNumbers, digits) {
		return true
	}
	birth, number := digits[:8], digits[8:11]
	return !p.Coordination() && "1976" <= birth && birth < "2014" &&
		(number == "238" || number == "239") && !slices.ContainsFunc(holes, func(day string) bool {
		return strings.HasPrefix(birth, day)
	})
}

// holes are the days, and one decade of days, the rule does not hold for.
var holes = []string{
	"19760101", "19800101", "19891220", "1990010", "19900113", "20001218", "20010303", "20011104", "20021016",
	"20021227", "20050509", "20070911", "20071228", "20101211", "20111230",
}

var testNumbers = []string{
	// Personnummer outside the rule.
	"189001019802", "189001029819", "196408233234", "199001012385", "199908072391", "195506302388", "195509132386",
	"196810292398", "196810292380", "196811022380", "201503012385", "201503022392", "201503032383", "201611072388",
	"201709112393", "201901012391", "202104132390", "202306132396",
	// Samordningsnummer.
	"191401682396", "194101862391", "194610692388", "195101882396", "195907892383", "196403722397", "196908752386",
	"197101902398", "197412772381", "197606902398", "198102702399", "198610702394", "199106762397", "199504822397",
	"199903672385", "200302762398", "200703912386", "202601622380",
	// Samordningsnummer with month 00, with day 60, and with both: the birth date is not known.
	"191500722390", "195000692383", "197800882396", "198300662395", "200400892386",
	"191711602399", "194502602396", "197508602393", "198707602390", "199502602395",
	"193100602394", "196100602397", "198000602394",
}
