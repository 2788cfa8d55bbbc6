"""A document of each format with what is hard about it, made by the programs' own libraries where there are such."""

from __future__ import annotations

import io
import zipfile

HTML = b"""<!DOCTYPE html>
<html lang="en"><head><title>My page &amp; yours</title><META charset="utf-8">
<meta name="description" content="A page"><style>p > b { color: red }</style></head>
<body class='x'>
<p>Please bring <b>your</b> tomato &nbsp; now.<br>Use <code>foo()</code>, {name}.<img alt='A "dog"' src=x></p>
<script>if (a < b) { "<p>no</p>" }</script><ul><LI>One <li>Two</ul><p translate=no>No</p><pre>code</pre> 3 <!-- c -->
<p>It is <span translate="no">Fixed</span> &copy; <i></i>here</p><textarea>no</textarea></body></html>
"""
MARKDOWN = b"""---
title: My page
layout: Some layout
---
# Title *one* {#anchor}

A paragraph with **bold** and
`code()` and [a link](http://x.y/(z) "Title") and ![an image](pic.png).\x20\x20
Hard \\*break\\* &amp; <b>html</b> <https://auto.link>.

> Quoted text
> goes on **here
> and** here

1. item one
   more of it
2. item [ref][r] two_words

| Head | Two |
|------|-----|
| cell | `x` |

```python
no = 1
```

<div>Some <b>block</b></div>

[r]: http://example.com
"""
PO = rb"""# Header comment
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\n"

#: a.c:1
#, c-format
msgctxt "menu"
msgid "Open <b>%s</b> and \"more\"\n"
"now\n"
msgstr ""

#, fuzzy
#| msgid "Old"
msgid "New"
msgstr ""

msgid "one file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

msgid "Done"
msgstr "Fait"

#~ msgid "Obsolete"
#~ msgstr "Vieux"
"""
XLIFF = b"""<?xml version='1.0' encoding="utf-8" ?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2">
 <file original="a" source-language="en" datatype="plaintext"><body>
  <trans-unit  id="1">
    <source>Hello <g id="1">my <x id="2"/> dog</g> &amp; &lt;b&gt;x&lt;/b&gt;</source>
    <note>Note</note>
  </trans-unit>
  <trans-unit id="2" translate="no"><source>No</source></trans-unit>
  <trans-unit id="3"><source>One. Two.</source><seg-source>\
<mrk mtype="seg" mid="0">One.</mrk> <mrk mtype="seg" mid="1">Two.</mrk></seg-source>\
<target state="new"/></trans-unit>
  <trans-unit id="4"><source>Done</source><target>Fait</target></trans-unit>
  <trans-unit id="5" approved="yes"><source>Approved</source><target/></trans-unit>
  <trans-unit id="6"><source>Final</source><target state="final"></target></trans-unit>
  <trans-unit id="7"><source>A <bpt id="1">[b]</bpt>big<ept id="1">[/b]</ept> %s<ph id="3"/></source></trans-unit>
 </body></file></xliff>
"""
XLIFF2 = b"""<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en">
 <file id="f"><unit id="u"><segment id="s">
   <source>Hello <pc id="1">my</pc> <sc id="2"/>dog<ec startRef="2"/> <ph id="9"/></source>
 </segment><ignorable><source> </source></ignorable></unit>
 <unit id="v" translate="no"><segment><source>No</source></segment></unit>
 <unit id="w"><segment state="final"><source>Final</source></segment></unit></file></xliff>
"""
TMX = """<?xml version="1.0" encoding="UTF-16"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US" datatype="xml" /><body>
  <tu>
    <tuv xml:lang="en-US"><seg>Hello <bpt i="1">&lt;b&gt;</bpt>you<ept i="1">&lt;/b&gt;</ept> é</seg></tuv>
    <tuv xml:lang="de"><seg>Hallo</seg></tuv>
  </tu>
  <tu><tuv xml:lang="en-US"><seg>Done</seg></tuv><tuv xml:lang="fr-FR"><seg>Fait</seg></tuv></tu>
</body></tmx>""".encode("utf-16")
SRT = """1
00:00:01,000 --> 00:00:02,500
The little dog is
<i>running</i> in the

2
00:00:02,600 --> 00:00:04,500
big green garden of my old friend, who lives near the sea.

3
00:00:05,000 --> 00:00:06,000
- Hello.
- Hi!

4
00:00:07,000 --> 00:00:08,000
♪ 123 ♪
""".replace("\n", "\r\n").encode()
VTT = b"""WEBVTT - title

NOTE a comment --
that goes on

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start position:10%
<v Roger>Hello there, <i>my</i> friend.</v>

00:03.000 --> 00:04.000
{\\an8}Up there
"""
JSON = rb"""{
  "menu": {"open": "Open <b>{{name}}</b>\n", "url": "https://x.y/z", "n": 3, "empty": ""},
  "list": ["One thing", "T\u00e9st \ud83d\ude00", null, true],
  "icu": "You have {n, plural, =0 {no files} one {# file} other {{x} has # files}} now.",
  "key_one": "{{count}} item", "key_other": "{{count}} items", "nest": "See $t(menu.open)"
}
"""
ARB = b"""{"@@locale": "en", "hello": "Hello {name}, it's me",
 "@hello": {"description": "A greeting", "placeholders": {"name": {}}}}"""
ANDROID = rb"""<?xml version="1.0" encoding="utf-8"?>
<!-- Licence --><!-- and more -->
<resources xmlns:tools="http://schemas.android.com/tools" xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
    <string name="app_name" translatable="false">Dog App</string>
    <string name="tags">It\'s <b>my</b> <a href='x'>dog</a> <!-- a comment --> &amp; a &lt;i>cat&lt;/i>\u0020</string>
    <string name="opaque">Hello <xliff:g id="n" example="Bob">%1$s</xliff:g>, you have %2$d at 100%%</string>
    <string name="quoted">"  It's \u00e9t\u00E9  "</string>
    <string name="lines">One line.\n\nAnother\n one</string>
    <string name="same">@string/app_name</string><string name="url">https://x.y/z</string>
    <string name="page"><![CDATA[<p>It\'s <b>bold</b></p><p class=\"x\">Two &amp; three</p>]]></string>
    <string name="plain"><![CDATA[Fish & chips]]></string>
    <string name="at">\@home and \"here\"</string>
    <string name="old" tools:ignore="MissingTranslation">Old</string>
    <string-array name="list"><item>First</item><item>@string/tags</item><item>12</item></string-array>
    <plurals name="dogs">
        <item quantity="one">%d dog</item>
        <item quantity="other">%d dogs</item>
    </plurals>
</resources>
"""
STRINGS = rb"""/* The title: "x" = "y"; */
"title" = "My \"big\" dog\nand a cat";
// a comment
bare.key = "Two \U2014 three %@ and %1$@";
"two" = "First line.\n\n* Second one";  "url" = "https://x.y/z"; "alone";
"fixed" = "100%% of <b>it</b>";
"""
STRINGS_16 = '"title" = "A dog";\r\n'.encode("utf-16")
XCSTRINGS = rb"""{
  "sourceLanguage" : "en",
  "strings" : {
    "" : {

    },
    "%lld dogs" : {
      "localizations" : {
        "de" : {
          "stringUnit" : {
            "state" : "translated",
            "value" : "Hunde"
          }
        },
        "en" : {
          "variations" : {
            "plural" : {
              "one" : {
                "stringUnit" : {
                  "state" : "new",
                  "value" : "%lld dog"
                }
              },
              "other" : {
                "stringUnit" : {
                  "state" : "new",
                  "value" : "%lld dogs"
                }
              }
            }
          }
        }
      }
    },
    "Brand" : {
      "shouldTranslate" : false
    },
    "Done" : {
      "localizations" : {
        "fr" : {
          "stringUnit" : {
            "state" : "translated",
            "value" : "Fait"
          }
        }
      }
    },
    "Hello %@" : {
      "comment" : "A greeting"
    },
    "key" : {
      "extractionState" : "manual",
      "localizations" : {
        "en" : {
          "stringUnit" : {
            "state" : "translated",
            "value" : "The \"value\".\n\nAnd more"
          }
        }
      }
    }
  },
  "version" : "1.0"
}
"""
CSV = (
    "\ufeffid;name;text;price;url\r\n"
    'A-12;"Red ball";"One; ""two"" <b>three</b>\r\n\r\nA {name} here";12,50 EUR;https://x.y\r\n'
    "\r\n7;Été;=SUM(A1:A3);3;<p>A</p><p>B</p>\r\n8;-\r\n"
).encode()
TSV = b'id\ttext\n1\tA "big" dog\n2\t"Quoted text"\n3\t"Half of it\n'


def docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("A heading", 1)
    p = document.add_paragraph("Please bring ")
    p.add_run("your").bold = True
    p.add_run(" tomato")
    p.add_run(" now.")
    p = document.add_paragraph("The first line")
    p.add_run().add_break()
    p.add_run("line two\tand a tab")
    table = document.add_table(1, 2)
    table.cell(0, 0).text = "A cell"
    table.cell(0, 1).text = "12"
    document.sections[0].header.paragraphs[0].text = "The header"
    document.sections[0].footer.paragraphs[0].text = "The footer"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FIELD = '<w:r><w:fldChar w:fldCharType="{0}"/></w:r>'


def docx_of(body: str) -> bytes:
    """A Word document with this content."""
    data = docx()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "word/document.xml":
                content = (
                    f'<w:document xmlns:w="{W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
                    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
                    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:w14="urn:x-w14" mc:Ignorable="w14" '
                    f'xmlns:r="urn:r"><w:body>{body}</w:body></w:document>'
                ).encode()
            new.writestr(info, content)
    return out.getvalue()


def pptx() -> bytes:
    import pptx

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "The title"
    frame = slide.placeholders[1].text_frame
    frame.text = "First point"
    run = frame.add_paragraph().add_run()
    run.text = "Second point"
    run.font.bold = True
    more = frame.paragraphs[1].add_run()
    more.text = " goes on"
    slide.notes_slide.notes_text_frame.text = "Speak slowly"
    table = slide.shapes.add_table(1, 1, 0, 0, 100, 100).table
    table.cell(0, 0).text = "A cell"
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


ODT_CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
 xmlns:dc="http://purl.org/dc/elements/1.1/" office:version="1.2"><office:body><office:text>
<text:h text:outline-level="1">A heading</text:h>
<text:p>Please bring <text:span text:style-name="B">your</text:span> tomato\
<text:note text:id="n1" text:note-class="footnote">\
<text:note-citation>1</text:note-citation><text:note-body><text:p>A note</text:p></text:note-body>\
</text:note> now.</text:p>
<text:p>Some<text:line-break/>lines <text:a xlink:href="http://x.y">of a link</text:a><text:s text:c="3"/>here</text:p>
<text:p>12</text:p><text:p/>
<text:p>Said<office:annotation><dc:creator>me</dc:creator><text:p>Comment</text:p></office:annotation></text:p>
</office:text></office:body></office:document-content>"""


def odt() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), b"application/vnd.oasis.opendocument.text", zipfile.ZIP_STORED)
        archive.writestr("content.xml", ODT_CONTENT)
        archive.writestr("META-INF/manifest.xml", b"<x/>")
    return out.getvalue()


ODP_CONTENT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 office:version="1.2"><office:body><office:presentation>
<presentation:footer-decl presentation:name="f1">Our footer</presentation:footer-decl>
<draw:page draw:name="page1" presentation:use-footer-name="f1">
<draw:frame presentation:class="title"><draw:text-box><text:p>The title</text:p></draw:text-box></draw:frame>
<draw:frame><draw:text-box><text:list><text:list-item><text:p>First <text:span text:style-name="B">point</text:span>\
</text:p></text:list-item></text:list></draw:text-box></draw:frame>
<presentation:notes><draw:page-thumbnail/><draw:frame presentation:class="notes"><draw:text-box>\
<text:p>Speak slowly</text:p></draw:text-box></draw:frame></presentation:notes></draw:page>
<draw:page draw:name="page2"><draw:frame><table:table><table:table-row><table:table-cell><text:p>A cell</text:p>\
</table:table-cell></table:table-row></table:table></draw:frame>\
<draw:frame><draw:text-box><text:p>7</text:p></draw:text-box></draw:frame></draw:page>
</office:presentation></office:body></office:document-content>"""


def odp() -> bytes:
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.presentation",
            "content.xml": ODP_CONTENT.encode(),
            "META-INF/manifest.xml": b"""<manifest:manifest xmlns:manifest="\
urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="\
application/vnd.oasis.opendocument.presentation"/><manifest:file-entry manifest:full-path="content.xml" \
manifest:media-type="text/xml"/></manifest:manifest>""",
        }
    )


def zipped(members: dict[str, bytes]) -> bytes:
    """An archive; its `mimetype` is stored."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, how)
    return out.getvalue()


SHEET_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELS_NS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
SHARED_STRINGS = [
    "<si><t>Price</t></si>", "<si><t>The dog sleeps</t></si>",
    '<si><r><t xml:space="preserve">Please bring </t></r><r><rPr><b/><sz val="11"/></rPr><t>your</t></r>'
    '<r><t xml:space="preserve"> tomato now</t></r></si>',
    '<si><t xml:space="preserve"> A space &amp; a\nsecond line </t></si>', "<si><t>open</t></si>",
    '<si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/></si>',
    "<si><t>https://example.com/a</t></si>", "<si><t>2024-01-31T10:00</t></si>", "<si><t/></si>",
]  # fmt: skip
SHEET = (
    '<dimension ref="A1:C4"/><sheetData>'
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    '<row r="2"><c r="A2"><v>12.5</v></c><c r="B2" t="s"><v>2</v></c><c r="C2" t="s"><v>3</v></c></row>'
    '<row r="3"><c r="A3" t="s"><v>4</v></c><c r="B3" t="str"><f>B1&amp;"!"</f><v>The dog sleeps!</v></c>'
    '<c r="C3"><f>COUNTIF(A1:A9,"Open")</f><v>1</v></c></row>'
    '<row r="4"><c r="A4" t="inlineStr"><is><t>Stands inline</t></is></c><c r="B4" t="s"><v>5</v></c>'
    '<c r="C4" t="b"><v>1</v></c></row></sheetData>'
)


def xlsx_of(strings: list[str] | None = None, sheet: str = SHEET, more: dict[str, bytes] | None = None) -> bytes:
    """A workbook of one sheet, without shared strings if these are None."""
    kinds = {"/xl/workbook.xml": "sheet.main", "/xl/worksheets/sheet1.xml": "worksheet"}
    kinds |= {} if strings is None else {"/xl/sharedStrings.xml": "sharedStrings"}
    kinds |= {f"/{name}": "table" for name in more or {} if "/table" in name}
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = "".join(f'<Override PartName="{name}" ContentType="{main}.{kind}+xml"/>' for name, kind in kinds.items())
    members = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELS_NS}"><Relationship Id="rId1" Type="{OFFICE_RELS}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {SHEET_NS} xmlns:r="{OFFICE_RELS}"><sheets><sheet name="The sheet" sheetId="1" '
        'r:id="rId1"/></sheets><calcPr calcId="124519"/></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELS_NS}"><Relationship Id="rId1" '
        f'Type="{OFFICE_RELS}/worksheet" Target="worksheets/sheet1.xml"/>'
        + ("" if strings is None else f'<Relationship Id="rId2" Type="{OFFICE_RELS}/sharedStrings" '
           'Target="sharedStrings.xml"/>')
        + "</Relationships>",
        "xl/worksheets/sheet1.xml": f"<worksheet {SHEET_NS}>{sheet}</worksheet>",
    }  # fmt: skip
    if strings is not None:
        members["xl/sharedStrings.xml"] = f'<sst {SHEET_NS} uniqueCount="{len(strings)}">{"".join(strings)}</sst>'
    return zipped({name: (XML_HEAD + text).encode() for name, text in members.items()} | (more or {}))


def xlsx() -> bytes:
    return xlsx_of(SHARED_STRINGS)


CHAPTER = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en"><head><title>Chapter one</title>
<link rel="stylesheet" href="s.css" type="text/css"/></head><body><h1 id="c1">Chapter one</h1>
<p>Please bring <i>your</i> tomato&nbsp;now.<br/><a id="p2"/>It is <b>here</b>.</p><hr/><img src="a.png" alt="A dog"/>
</body></html>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en">
<head><title>Contents</title></head><body><nav epub:type="toc"><ol>
<li><a href="c%201.xhtml">Chapter one</a></li></ol></nav>
<nav epub:type="page-list"><ol><li><a href="c%201.xhtml#p2">xii</a></li></ol></nav></body></html>"""
NCX = """<?xml version="1.0"?><ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1" xml:lang="en"><head/>
<docTitle><text>The book</text></docTitle><docAuthor><text>Ann Author</text></docAuthor><navMap><navPoint id="n1">
<navLabel><text>Chapter one</text></navLabel><content src="c%201.xhtml"/></navPoint></navMap>
<pageList><pageTarget><navLabel><text>xii</text></navLabel><content src="c%201.xhtml#p2"/></pageTarget></pageList>
</ncx>"""
OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:uuid:1</dc:identifier>
<dc:title>The book</dc:title><dc:creator>Ann Author</dc:creator><dc:language>en</dc:language>
<dc:description>&lt;p&gt;A book of &lt;i&gt;dogs&lt;/i&gt;&lt;/p&gt;</dc:description>
<meta property="dcterms:modified">2024-01-01T00:00:00Z</meta></metadata>
<manifest><item id="c1" href="c%201.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="css" href="s.css" media-type="text/css"/><item id="img" href="a.png" media-type="image/png"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>
<spine toc="ncx"><itemref idref="c1"/></spine></package>"""
CONTAINER = """<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""


def epub(more: dict[str, bytes] | None = None) -> bytes:
    """A book, with other or more members."""
    members = {
        "mimetype": b"application/epub+zip", "META-INF/container.xml": CONTAINER.encode(),
        "OEBPS/book.opf": OPF.encode(), "OEBPS/c 1.xhtml": CHAPTER.encode(), "OEBPS/nav.xhtml": NAV.encode(),
        "OEBPS/toc.ncx": NCX.encode(), "OEBPS/s.css": b"p { color: red }", "OEBPS/a.png": b"\x89PNG",
    }  # fmt: skip
    return zipped(members | (more or {}))


def all_documents() -> dict[str, bytes]:
    """By name."""
    return {
        "a.txt": "One line\r\n\r\n  Two \u2028 lines\t\n12\nÉté 😀".encode(), "a.html": HTML, "a.md": MARKDOWN,
        "a.po": PO, "a.xlf": XLIFF, "b.xlf": XLIFF2, "a.tmx": TMX, "a.srt": SRT, "a.vtt": VTT,
        "a.json": JSON, "a.arb": ARB,
        "strings.xml": ANDROID, "a.strings": STRINGS, "b.strings": STRINGS_16, "a.xcstrings": XCSTRINGS,
        "a.csv": CSV, "a.tsv": TSV,
        "a.docx": docx(), "a.pptx": pptx(), "a.odt": odt(),
        "a.odp": odp(), "a.xlsx": xlsx(), "a.epub": epub(),
    }  # fmt: skip
