# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The DVPE authors
"""The drawings of the demo media as SVG text: backgrounds, furniture and pictures. No files, no ffmpeg: see make_media.py."""
from __future__ import annotations

import math

FONT = "font-family='Noto Sans'"
W, H = 1280, 720
PAN = 160  # backgrounds are this much wider than the picture and drift sideways

# name, dark, light, accent, pattern
SCENES = (
    ("HARBOUR", "#071a33", "#0f4c75", "#3fc1c9", "rings"),
    ("EMBER", "#2b0a12", "#8a2c1d", "#ffb347", "stripes"),
    ("MEADOW", "#06231b", "#1f6f50", "#b8e986", "dots"),
    ("VIOLET", "#160a33", "#5b2a86", "#f39ad5", "waves"),
    ("SLATE", "#11161d", "#3b4a5c", "#9fd3ff", "grid"),
    ("AMBER", "#241703", "#7a5410", "#ffe08a", "rays"),
)


def svg(width: int, height: int, body: str) -> str:
    return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
            f"viewBox='0 0 {width} {height}'>{body}</svg>")


def text(x, y, size, words, fill="#fff", weight=400, anchor="start", spacing=0, opacity=1.0) -> str:
    return (f"<text x='{x}' y='{y}' font-size='{size}' {FONT} font-weight='{weight}' fill='{fill}' "
            f"fill-opacity='{opacity}' text-anchor='{anchor}' letter-spacing='{spacing}'>{words}</text>")


def pattern(kind: str, colour: str, w: int, h: int) -> str:
    """A light texture that gives the encoder and the eye something to hold on to."""
    out = []
    if kind == "rings":
        out = [f"<circle cx='{w * 0.78}' cy='{h * 0.9}' r='{r}'/>" for r in range(60, 1100, 58)]
    elif kind == "stripes":
        out = [f"<path d='M{x} 0 L{x - 420} {h}'/>" for x in range(0, w + 440, 46)]
    elif kind == "dots":
        return f"<g fill='{colour}' fill-opacity='.13'>" + "".join(
            f"<circle cx='{x + (y // 48 % 2) * 24}' cy='{y}' r='{3 + 7 * abs(math.sin(x / 310 + y / 190)):.1f}'/>"
            for y in range(24, h, 48) for x in range(24, w, 48)) + "</g>"
    elif kind == "waves":
        for k in range(14):
            points = " ".join(f"{x},{60 + k * 50 + 26 * math.sin(x / 130 + k * .6):.1f}" for x in range(0, w + 20, 20))
            out.append(f"<polyline points='{points}'/>")
    elif kind == "grid":
        out = [f"<path d='M{x} 0 V{h}'/>" for x in range(0, w, 60)] + [f"<path d='M0 {y} H{w}'/>" for y in range(0, h, 60)]
    elif kind == "rays":
        for k in range(36):
            a = math.tau * k / 36
            out.append(f"<path d='M{w / 2} {h * 1.05} L{w / 2 + 1500 * math.cos(a):.0f} {h * 1.05 + 1500 * math.sin(a):.0f}'/>")
    return f"<g fill='none' stroke='{colour}' stroke-opacity='.17' stroke-width='2'>" + "".join(out) + "</g>"


def background(dark: str, light: str, accent: str, kind: str) -> str:
    w = W + PAN
    return svg(w, H, f"""
<defs><linearGradient id='g' x1='0' y1='0' x2='1' y2='1'><stop offset='0' stop-color='{dark}'/>
<stop offset='1' stop-color='{light}'/></linearGradient>
<radialGradient id='r'><stop offset='0' stop-color='{accent}' stop-opacity='.55'/>
<stop offset='1' stop-color='{accent}' stop-opacity='0'/></radialGradient></defs>
<rect width='{w}' height='{H}' fill='url(#g)'/>
<circle cx='{w * .8}' cy='{H * .85}' r='520' fill='url(#r)'/><circle cx='{w * .1}' cy='40' r='300' fill='url(#r)' opacity='.5'/>
{pattern(kind, accent, w, H)}""")


def programme_furniture(rate: str) -> str:
    """What stands still over the programme: the panel, the track, bars and marks. The middle stays clear of corners."""
    bars = ("#ebebeb", "#d8d000", "#00c4c4", "#00b400", "#c000c0", "#c80000", "#0000c8", "#101010")
    strip = "".join(f"<rect x='{k * 160}' y='696' width='160' height='24' fill='{c}'/>" for k, c in enumerate(bars))
    strip += "".join(f"<rect x='{k * 80}' y='684' width='80' height='12' fill='rgb({v},{v},{v})'/>"
                     for k in range(16) for v in (16 + k * 14,))
    marks = "".join(f"<path d='M{x} {y + dy} V{y} H{x + dx}'/>" for x, y, dx, dy in
                    ((1256, 24, -36, 36), (24, 660, 36, -36), (1256, 660, -36, -36)))
    ticks = "".join(f"<path d='M{280 + k * 40} 548 v{14 if k % 9 == 0 else 8}'/>" for k in range(19))
    return svg(W, H, f"""
<rect x='150' y='190' width='980' height='316' rx='28' fill='#05080d' fill-opacity='.62'/>
<rect x='150.75' y='190.75' width='978.5' height='314.5' rx='27' fill='none' stroke='#fff' stroke-opacity='.28' stroke-width='1.5'/>
{text(440, 252, 26, 'DVPE ONE', '#fff', 700, spacing=5)}{text(1090, 252, 22, 'DEMO PROGRAMME', '#fff', 400, 'end', 3, .75)}
<path d='M440 272 H1090' stroke='#fff' stroke-opacity='.25' stroke-width='1.5'/>
{text(1090, 470, 22, f'1280 x 720 · {rate} fps · H.264 · AAC 48 kHz', '#fff', 400, 'end', 0, .75)}
<circle cx='295' cy='348' r='104' fill='none' stroke='#fff' stroke-opacity='.3' stroke-width='2'/>
<circle cx='295' cy='348' r='5' fill='#fff'/><path d='M295 236 v18 M295 442 v18 M183 348 h18 M389 348 h18' stroke='#fff' stroke-opacity='.7' stroke-width='3'/>
<rect x='280' y='553' width='720' height='4' rx='2' fill='#fff' fill-opacity='.55'/>
<g stroke='#fff' stroke-opacity='.45' stroke-width='2'>{ticks}</g>
<g fill='none' stroke='#fff' stroke-opacity='.6' stroke-width='2'>{marks}</g>{strip}""")


def scene_label(name: str, accent: str) -> str:
    return (f"<rect x='440' y='446' width='12' height='30' rx='3' fill='{accent}'/>"
            + text(464, 470, 24, name, accent, 700, spacing=4))


def ball(accent: str = "#ffffff") -> str:
    return svg(48, 48, f"<defs><radialGradient id='b' cx='.36' cy='.32' r='.7'><stop offset='0' stop-color='#fff'/>"
               f"<stop offset='1' stop-color='{accent}'/></radialGradient></defs><circle cx='24' cy='24' r='22' fill='url(#b)'/>")


def hand() -> str:
    """The hand of the two-second clock, at twelve; it turns about the middle of the picture."""
    wedge = "".join(f"<path d='M100 100 L{100 + 96 * math.sin(a):.2f} {100 - 96 * math.cos(a):.2f} "
                    f"A96 96 0 0 1 {100 + 96 * math.sin(b):.2f} {100 - 96 * math.cos(b):.2f} Z' fill='#fff' fill-opacity='{o:.3f}'/>"
                    for k in range(24) for a, b, o in ((-.07 * (k + 1), -.07 * k + .004, .5 * (1 - k / 24) ** 2),))
    return svg(200, 200, wedge + "<path d='M100 100 V6' stroke='#fff' stroke-width='5' stroke-linecap='round'/>")


# ---- ads and clips: colours, words and a picture each

def car(body: str, glass: str) -> str:
    return f"""<g transform='translate(640,120)'><ellipse cx='290' cy='352' rx='310' ry='22' fill='#000' fill-opacity='.35'/>
<path d='M10 290 C14 236 60 220 120 212 C170 140 220 118 320 118 C420 118 456 160 500 210 C556 218 580 240 582 292 C582 318 570 326 552 326 L34 326 C16 326 8 316 10 290 Z' fill='{body}'/>
<path d='M160 208 C196 156 232 140 300 140 V208 Z' fill='{glass}'/><path d='M316 140 C400 140 428 168 458 208 H316 Z' fill='{glass}'/>
<path d='M20 286 H574' stroke='#fff' stroke-opacity='.35' stroke-width='4'/><rect x='540' y='244' width='40' height='22' rx='9' fill='#ffe9a8'/>
<g><circle cx='140' cy='324' r='56' fill='#12151a'/><circle cx='140' cy='324' r='32' fill='#c9d2dc'/><circle cx='140' cy='324' r='10' fill='#12151a'/>
<circle cx='452' cy='324' r='56' fill='#12151a'/><circle cx='452' cy='324' r='32' fill='#c9d2dc'/><circle cx='452' cy='324' r='10' fill='#12151a'/></g></g>"""


def plate(rim: str, food: str, leaf: str) -> str:
    return f"""<g transform='translate(900,330)'><ellipse cx='6' cy='22' rx='240' ry='236' fill='#000' fill-opacity='.3'/>
<circle r='226' fill='#fbf7ef'/><circle r='226' fill='none' stroke='{rim}' stroke-width='10'/><circle r='150' fill='#efe8da'/>
<circle cx='-40' cy='-16' r='74' fill='{food}'/><circle cx='48' cy='-44' r='52' fill='{food}' fill-opacity='.8'/><circle cx='36' cy='56' r='60' fill='{food}' fill-opacity='.9'/>
<path d='M-90 62 C-40 20 10 34 30 10 C22 66 -30 92 -90 62 Z' fill='{leaf}'/><path d='M70 -90 C40 -60 60 -20 96 -10 C104 -44 98 -72 70 -90 Z' fill='{leaf}'/>
<g fill='#e8edf2'><rect x='-300' y='-190' width='14' height='390' rx='7'/><rect x='-330' y='-190' width='10' height='120' rx='5'/><rect x='-266' y='-190' width='10' height='120' rx='5'/><rect x='-330' y='-90' width='74' height='20' rx='10'/></g></g>"""


def cup(body: str, tea: str) -> str:
    steam = "".join(f"<path d='M{x} -150 c-30 -44 30 -66 0 -118' stroke='#fff' stroke-opacity='.6' stroke-width='12' fill='none' stroke-linecap='round'/>" for x in (-80, 0, 80))
    return f"""<g transform='translate(950,392) scale(.88)'><ellipse cy='196' rx='290' ry='34' fill='#000' fill-opacity='.3'/><ellipse cy='184' rx='270' ry='30' fill='{body}'/>
<path d='M190 -50 C310 -70 310 96 160 84' fill='none' stroke='{body}' stroke-width='32'/><path d='M-210 -90 C-206 90 -130 176 0 176 C130 176 206 90 210 -90 Z' fill='{body}'/>
<ellipse cy='-90' rx='210' ry='40' fill='#fff'/><ellipse cy='-86' rx='190' ry='31' fill='{tea}'/><path d='M-170 -30 C-160 60 -120 120 -60 140' stroke='#fff' stroke-opacity='.4' stroke-width='14' fill='none' stroke-linecap='round'/>{steam}</g>"""


def house(wall: str, roof: str, lit: str) -> str:
    panes = "".join(f"<g transform='translate({x},{y})'><rect width='92' height='92' rx='8' fill='{lit}'/><path d='M46 0 V92 M0 46 H92' stroke='{wall}' stroke-width='7'/></g>" for x, y in ((-160, 20), (68, 20)))
    return f"""<g transform='translate(890,340)'><ellipse cy='250' rx='320' ry='26' fill='#000' fill-opacity='.3'/><rect x='-210' y='-30' width='420' height='276' rx='10' fill='{wall}'/>
<path d='M-268 -14 L0 -228 L268 -14 Z' fill='{roof}' stroke='{roof}' stroke-width='16' stroke-linejoin='round'/><rect x='120' y='-210' width='52' height='110' fill='{roof}'/>
{panes}<rect x='-46' y='126' width='92' height='120' rx='8' fill='{roof}'/><circle cx='26' cy='190' r='7' fill='{lit}'/><circle cy='-88' r='34' fill='{lit}'/></g>"""


def football() -> str:
    def spots(count, radius, size, turn):
        return "".join(pentagon(radius * math.sin(math.tau * k / count + turn), -radius * math.cos(math.tau * k / count + turn), size, math.tau * k / count + turn)
                       for k in range(count))

    def pentagon(x, y, r, turn):
        points = " ".join(f"{x + r * math.sin(math.tau * k / 5 + turn):.1f},{y - r * math.cos(math.tau * k / 5 + turn):.1f}" for k in range(5))
        return f"<polygon points='{points}'/>"
    return f"""<g transform='translate(970,340)'><ellipse cy='236' rx='210' ry='24' fill='#000' fill-opacity='.35'/><clipPath id='c'><circle r='210'/></clipPath>
<circle r='210' fill='#f5f7fa'/><g clip-path='url(#c)' fill='#1d2733' stroke='#1d2733' stroke-width='6'>{pentagon(0, 0, 66, 0)}{spots(5, 186, 70, math.pi / 5)}
<g stroke-width='5'>{"".join(f"<path d='M{66 * math.sin(a):.0f} {-66 * math.cos(a):.0f} L{126 * math.sin(a):.0f} {-126 * math.cos(a):.0f}'/>" for k in range(5) for a in (math.tau * k / 5,))}</g></g></g>"""


# id -> seconds, colours (dark, light, accent, pattern), brand, lines, picture, tone in Hz
ADS = {
    "ad-car-1": (15, ("#0a1226", "#1f3f8f", "#6fb1ff", "stripes"), "AVENTA", ("Drive further.", "480 km on one charge"), car("#e5484d", "#bfe3ff"), 262),
    "ad-car-2": (15, ("#1c1206", "#b5651d", "#ffd08a", "rays"), "AVENTA", ("The city, quietly.", "New: the Aventa Mini"), car("#2fb6a8", "#e2fbff"), 294),
    "ad-bistro-1": (15, ("#241014", "#7c1f35", "#ffb3a1", "dots"), "BISTRO LUMI", ("Lunch, slowly.", "Three courses for 19"), plate("#c9974b", "#d9593d", "#5d9c4a"), 330),
    "ad-bistro-2": (15, ("#0d2018", "#2d6a4f", "#d8f3a5", "waves"), "BISTRO LUMI", ("From the garden.", "New menu every Friday"), plate("#3d7a5a", "#e9b44c", "#4f8f3a"), 349),
    "ad-tea-1": (15, ("#0c1f24", "#17707a", "#9ff0dd", "rings"), "KOMOREBI TEA", ("A minute for you.", "First flush, hand picked"), cup("#f6efe4", "#9a6b1f"), 392),
    "ad-tea-2": (15, ("#2a0f2b", "#8c3b7a", "#ffc1e3", "dots"), "KOMOREBI TEA", ("Cold brew summer.", "Hibiscus and lime"), cup("#ffe3ee", "#b3173f"), 415),
    "ad-house-1": (15, ("#101935", "#37508f", "#ffd166", "grid"), "HEARTH &amp; CO", ("Come home.", "Advice for first buyers"), house("#e9dfd0", "#8f3d3d", "#ffd97a"), 440),
    "ad-house-2": (15, ("#13201a", "#4f6d45", "#f4e285", "stripes"), "HEARTH &amp; CO", ("Warm all winter.", "Free insulation check"), house("#d7e3d4", "#3d5a6c", "#ffe9a8"), 466),
    "clip-sports": (20, ("#04210f", "#14803c", "#d6ff7a", "stripes"), "DVPE SPORTS", ("Goals of the day", "Highlights for you"), football(), 523),
}


def ad_words(media_id: str) -> str:
    _, (dark, _, accent, _), brand, (head, line), _, _ = ADS[media_id]
    kind = "HIGHLIGHTS" if media_id.startswith("clip") else "ADVERTISEMENT"
    return svg(W, H, f"{text(88, 252, 28, brand, accent, 700, spacing=7)}{text(85, 344, 64, head, '#fff', 700)}"
               f"{text(88, 408, 34, line, '#fff', 400, opacity=.85)}<rect x='88' y='448' width='120' height='8' rx='4' fill='{accent}'/>"
               f"<rect x='88' y='560' width='{len(kind) * 15 + 40}' height='40' rx='20' fill='{dark}' fill-opacity='.7'/>"
               f"{text(88 + (len(kind) * 15 + 40) / 2, 588, 20, kind, '#fff', 700, 'middle', 2, .9)}"
               f"{text(1240, 588, 20, media_id, '#fff', 400, 'end', 0, .6)}")


def ad_picture(media_id: str) -> str:
    return svg(W, H, ADS[media_id][4])
