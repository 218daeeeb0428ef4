"""How the page looks: one theme and a little CSS, light and dark, with nothing fetched from other hosts."""

import gradio as gr

THEME = gr.themes.Base(
    primary_hue="stone",
    neutral_hue="stone",
    # Names of the reader's own fonts: nothing is fetched.
    font=("Charter", "Iowan Old Style", "Palatino", "Georgia", "serif"),
    font_mono=("ui-monospace", "monospace"),
).set(
    body_background_fill="#f9f6f0",
    body_background_fill_dark="#1a1816",
    body_text_color_dark="#e2dcd2",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    input_background_fill="#fffdf9",
    input_background_fill_dark="#211e1b",
    input_border_width="1px",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    slider_color="*primary_600",
    slider_color_dark="*primary_400",
    checkbox_background_color_selected="*primary_700",
    checkbox_background_color_selected_dark="*primary_500",
    button_primary_background_fill="*primary_800",
    button_primary_background_fill_dark="*primary_200",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_hover_dark="*primary_50",
    button_primary_text_color_dark="*primary_900",
)

# Theme variables that are set here hold for light and dark alike.
CSS = """
.gradio-container {
  --block-background-fill: transparent; --block-border-width: 0px; --block-padding: 0; --block-shadow: none;
  --block-title-text-color: var(--body-text-color-subdued); --checkbox-label-background-fill: transparent;
  --checkbox-label-background-fill-hover: transparent; --checkbox-label-background-fill-selected: transparent;
  --checkbox-label-border-width: 0px; --checkbox-label-padding: 0; --checkbox-label-shadow: none;
}
#title h1 { font-size: 1.9rem; font-weight: 500; letter-spacing: -.01em; margin: .5rem 0 .3rem; }
#title p, #about, #note, #status, #key-of-two { color: var(--body-text-color-subdued); }
#about, #note, #status, #key-of-two { font-size: .92rem; line-height: 1.45; }
#status { min-height: 1.4rem; font-variant-numeric: tabular-nums; }
#desk { gap: 1.25rem 2.5rem; }
.form { background: none; border: 0; box-shadow: none; gap: 1.1rem; }
#model .wrap { display: flex; flex-wrap: wrap; gap: .6rem 1.6rem; }
#model label { align-items: flex-start; }
#model label input { margin-top: .2rem; }
#model label span { white-space: pre-line; font-size: .8rem; line-height: 1.4; }
#model label span { color: var(--body-text-color-subdued); }
#model label span::first-line { font-size: .95rem; color: var(--body-text-color); }
#begin .wrap, #preset .wrap { flex-direction: column; gap: .5rem; }
#begin label span, #preset label span { white-space: normal; line-height: 1.4; }
#sheet textarea, #tint {
  box-sizing: border-box; height: max(20rem, 100vh - 27rem); padding: 1.5rem 1.75rem; border: 1px solid transparent;
  font: 1.2rem/1.7 var(--font); letter-spacing: normal; white-space: pre-wrap; overflow-wrap: break-word;
  overflow-y: scroll; scrollbar-gutter: stable;
}
#sheet textarea { position: relative; background: transparent; border-color: var(--input-border-color); resize: none; }
#sheet .input-container { background: var(--input-background-fill); position: relative; }
#tint { position: absolute; inset: 0; color: transparent; pointer-events: none; }
#tint::-webkit-scrollbar { background: transparent; }
#tint mark { background: var(--tint); color: transparent; border-radius: 2px; }
#tint mark[class] { border-radius: 0; }
#key-of-two mark { color: transparent; }
.shade0 { background: var(--tint) !important; }
.shade1 { background: color-mix(in oklab, var(--tint), var(--other) 20%) !important; }
.shade2 { background: color-mix(in oklab, var(--tint), var(--other) 40%) !important; }
.shade3 { background: color-mix(in oklab, var(--tint), var(--other) 60%) !important; }
.shade4 { background: color-mix(in oklab, var(--tint), var(--other) 80%) !important; }
.shade5 { background: var(--other) !important; }
.gradio-container { --tint: #f0e3c4; --other: #c3d9ec; }
.dark .gradio-container, .gradio-container.dark { --tint: #43382a; --other: #27435c; }
#takes { margin-top: .6rem; }
#takes textarea { line-height: 1.55; }
#sheet .icon-button-wrapper { border: 0; box-shadow: none; background: none; }
button[role=tab] { color: var(--body-text-color-subdued); }
button[role=tab].selected { color: var(--body-text-color); font-weight: 600; }
#actions { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
#actions button { font-weight: 500; }
.dark input[type=range] { --neutral-200: var(--neutral-700); }
footer .divider, footer img { display: none; }
@media (max-width: 768px) {
  #model .wrap { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem .6rem; }
  #actions { grid-template-columns: repeat(2, 1fr); }
  #sheet textarea, #tint { height: 38vh; padding: 1rem 1.1rem; font-size: 1.1rem; }
}
"""
