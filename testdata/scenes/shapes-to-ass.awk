# Turns a .shapes drawing into an ASS subtitle that libass paints anti-aliased.
# ASS is used only because it is the one vector format every usual ffmpeg build
# can draw. Lines of a .shapes file (pixels, colours rrggbb or rrggbbaa with aa
# as opacity, # starts a comment, later lines paint over earlier ones):
#
#   size  w h                    picture size, must come first
#   blur  n                      soften the shapes that follow (0 = sharp)
#   rect  colour x y w h
#   grad  colour1 colour2 x y w h    rectangle fading from top to bottom
#   oval  colour cx cy rx ry
#   round colour x y w h r       rectangle with rounded corners
#   poly  colour x y x y x y ...
#   text  colour size x y words  x y is the middle of the words

function px(v) { return sprintf("%d", v * 8 + (v < 0 ? -0.5 : 0.5)) }  # \p4 = 1/8 px
function pt(x, y) { return px(x) " " px(y) " " }

function byte(colour, at,    hex) {
    hex = "0123456789abcdef"
    return (index(hex, substr(colour, at, 1)) - 1) * 16 + index(hex, substr(colour, at + 1, 1)) - 1
}

# ASS wants BGR and transparency where the drawing says RGB and opacity.
function style(colour,    a) {
    a = length(colour) == 8 ? sprintf("%02X", 255 - byte(colour, 7)) : "00"
    return "\\bord0\\shad0\\blur" blur "\\1c&H" substr(colour, 5, 2) substr(colour, 3, 2) \
        substr(colour, 1, 2) "&\\1a&H" a "&"
}

function event(tags, body) {
    printf "Dialogue: %d,0:00:00.00,9:00:00.00,S,,0,0,0,,{%s}%s\n", layer++, tags, body
}

function rect(colour, x, y, w, h) {
    path(colour, "m " pt(x, y) "l " pt(x + w, y) pt(x + w, y + h) pt(x, y + h))
}

function path(colour, p) { event("\\an7\\pos(0,0)" style(colour) "\\p4", p) }

BEGIN { blur = 0 }
{ sub(/#.*/, "") }
NF == 0 { next }
$1 == "size" {
    print "[Script Info]\nScriptType: v4.00+\nPlayResX: " $2 "\nPlayResY: " $3
    print "ScaledBorderAndShadow: yes\nYCbCr Matrix: None\n\n[V4+ Styles]"
    print "Format: Name, Fontname, Fontsize, Bold"
    print "Style: S,DejaVu Sans,20,-1\n\n[Events]"
    print "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    next
}
$1 == "blur" { blur = $2; next }
$1 == "rect" { rect($2, $3, $4, $5, $6); next }
$1 == "grad" {
    # ASS has no gradients: one row of one colour after the other.
    for (i = 0; i < $7; i++) {
        q = $7 > 1 ? i / ($7 - 1) : 0
        c = ""
        for (j = 1; j < 6; j += 2)
            c = c sprintf("%02x", int(byte($2, j) * (1 - q) + byte($3, j) * q + 0.5))
        rect(c, $4, $5 + i, $6, 1)
    }
    next
}
$1 == "oval" {
    x = $3; y = $4; a = $5; b = $6; k = 0.5523
    path($2, "m " pt(x + a, y) \
        "b " pt(x + a, y + k * b) pt(x + k * a, y + b) pt(x, y + b) \
        "b " pt(x - k * a, y + b) pt(x - a, y + k * b) pt(x - a, y) \
        "b " pt(x - a, y - k * b) pt(x - k * a, y - b) pt(x, y - b) \
        "b " pt(x + k * a, y - b) pt(x + a, y - k * b) pt(x + a, y))
    next
}
$1 == "round" {
    x = $3; y = $4; X = $3 + $5; Y = $4 + $6; r = $7; k = 0.4477 * r
    path($2, "m " pt(x + r, y) "l " pt(X - r, y) \
        "b " pt(X - k, y) pt(X, y + k) pt(X, y + r) "l " pt(X, Y - r) \
        "b " pt(X, Y - k) pt(X - k, Y) pt(X - r, Y) "l " pt(x + r, Y) \
        "b " pt(x + k, Y) pt(x, Y - k) pt(x, Y - r) "l " pt(x, y + r) \
        "b " pt(x, y + k) pt(x + k, y) pt(x + r, y))
    next
}
$1 == "poly" {
    p = "m " pt($3, $4) "l "
    for (i = 5; i < NF; i += 2) p = p pt($i, $(i + 1))
    path($2, p)
    next
}
$1 == "text" {
    words = $6
    for (i = 7; i <= NF; i++) words = words " " $i
    event("\\an5\\pos(" $4 "," $5 ")" style($2) "\\fs" $3, words)
    next
}
{ print "unknown shape: " $0 > "/dev/stderr"; exit 1 }
