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


def all_documents() -> dict[str, bytes]:
    """By name."""
    return {
        "a.txt": "One line\r\n\r\n  Two \u2028 lines\t\n12\nÉté 😀".encode(), "a.html": HTML, "a.md": MARKDOWN,
        "a.po": PO, "a.xlf": XLIFF, "b.xlf": XLIFF2, "a.tmx": TMX, "a.srt": SRT, "a.vtt": VTT,
        "a.json": JSON, "a.arb": ARB,
        "a.docx": docx(), "a.pptx": pptx(), "a.odt": odt(),
    }  # fmt: skip
