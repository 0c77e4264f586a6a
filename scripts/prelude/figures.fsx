namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open System.Net
open Plotly.NET
open Plotly.NET.LayoutObjects
open Spectre.Console

/// Colours that people with any kind of colour vision tell apart (Okabe and Ito 2008), dark enough for light pages and
/// light enough for dark ones.
[<RequireQualifiedAccess>]
module Palette =
    let blue = Color.fromHex "#0072B2"
    let orange = Color.fromHex "#E69F00"
    let green = Color.fromHex "#009E73"
    let red = Color.fromHex "#D55E00"
    let purple = Color.fromHex "#CC79A7"
    let sky = Color.fromHex "#56B4E9"
    let grey = Color.fromHex "#888888"

[<AutoOpen>]
module Figures =
    // plots.js, which draws every chart, sets colours and fonts by the reader's theme.
    Defaults.DefaultTemplate <- Template.init (Layout.init ())
    Defaults.DefaultHeight <- 420

    let private written = ResizeArray<string>()

    let private html (text: string) = WebUtility.HtmlEncode text

    /// The chart as data, which plots.js draws; readers without scripts keep the caption.
    let private figureHtml (name: string) (caption: string) (chart: GenericChart) =
        // "</" would end the block early.
        let data = (GenericChart.toFigureJson chart).Replace("</", "<\\/")

        $"<figure class=\"chart\" id=\"fig-{html name}\">\n"
        + $"<div class=\"plot-area\" role=\"img\" aria-label=\"{html caption}\"></div>\n"
        + $"<script type=\"application/json\" class=\"plot\">{data}</script>\n"
        + $"<figcaption>{html caption}</figcaption>\n</figure>"

    let private writeBeside folder name (open': unit -> Stream) =
        let target = Path.Combine(folder, name)
        use source = open' ()

        if not (File.Exists target) || FileInfo(target).Length <> source.Length then
            use file = File.Create target
            source.CopyTo file

    let private writePage (page: Page) name figure =
        let asset name () : Stream = File.OpenRead(Path.Combine(Host.root, "docs", "content", name))

        let plotly () = typeof<GenericChart>.Assembly.GetManifestResourceStream "Plotly.NET.plotly-2.28.0.min.js"

        writeBeside page.Out "plotly.min.js" plotly

        for file in [ "plots.css"; "plots.js" ] do
            writeBeside page.Out file (asset file)

        let document =
            $"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{html page.Name}: {html name}</title>\n"
            + "<link rel=\"stylesheet\" href=\"plots.css\">\n</head>\n<body>\n"
            + figure
            + "\n<script src=\"plotly.min.js\"></script>\n<script src=\"plots.js\"></script>\n</body>\n</html>\n"

        let file = Path.Combine(page.Out, name + ".html")
        File.WriteAllText(file, document)
        written.Add file

    /// A chart of the page. Its caption, which readers who cannot see the chart get in its place, says what it shows. On a
    /// terminal it becomes <out>/<name>.html; follow the call by (*** include-it-raw ***) for the site.
    let figure (name: string) (caption: string) (chart: GenericChart) =
        let figure = figureHtml name caption chart

        if not Host.isSite then
            writePage (Page.current ()) name figure

        figure

    /// All charts in one, of which the one with that number is shown, and by name the change that shows each of them instead.
    let private stacked shown (charts: (string * GenericChart) list) =
        let owners =
            [|
                for i, (_, chart) in List.indexed charts do
                    for _ in GenericChart.getTraces chart -> i
            |]

        let visibility chosen = owners |> Array.map (fun owner -> owner = chosen)

        let changeTo chosen =
            let change = DynamicObj.DynamicObj()
            change.SetProperty("visible", visibility chosen)
            change

        let combined = charts |> List.map snd |> Chart.combine

        for trace, isVisible in Seq.zip (GenericChart.getTraces combined) (visibility shown) do
            trace.SetProperty("visible", isVisible)

        combined, [ for i, (name, _) in List.indexed charts -> name, changeTo i ]

    /// Several charts in one place, of which the reader chooses one by name; the first is shown at the start.
    let selector (charts: (string * GenericChart) list) : GenericChart =
        let combined, changes = stacked 0 charts

        let button (name: string, change: DynamicObj.DynamicObj) =
            UpdateMenuButton.init (Label = name, Method = StyleParam.UpdateMethod.Restyle, Args = [ change ])

        combined
        |> Chart.withUpdateMenu (UpdateMenu.init (Buttons = List.map button changes, X = 0.0, Y = 1.15))

    /// Several moments of one chart, by name and in order, which the reader goes through with a slider or lets play; the last is shown at the
    /// start. The label stands before the name, such as "step". Axes follow the moment that is shown; give all moments one range to hold them still.
    let slider (label: string) (charts: (string * GenericChart) list) : GenericChart =
        let last = charts.Length - 1
        let combined, changes = stacked last charts

        let step (name: string, change: DynamicObj.DynamicObj) =
            let step = SliderStep.init (Label = name, Method = StyleParam.Method.Restyle)
            step.SetProperty("args", [| change |])
            step

        combined
        |> Chart.withSlider (
            Slider.init (
                Active = last,
                CurrentValue = SliderCurrentValue.init (Prefix = label + " "),
                Steps = List.map step changes
            )
        )

    /// Pictures of numbers from 0, black, to 1, white, so many in a row and a pixel apart; rounded, as nobody sees more.
    let private tiles columns height width (pictures: float[] list) : GenericChart =
        let rows = (pictures.Length + columns - 1) / columns
        let gap = 1

        let z = Array.init (rows * (height + gap) - gap) (fun _ -> Array.create (columns * (width + gap) - gap) nan)

        for i, picture in List.indexed pictures do
            let top, left = i / columns * (height + gap), i % columns * (width + gap)

            for y in 0 .. height - 1 do
                for x in 0 .. width - 1 do
                    z[top + y][left + x] <- Math.Round(picture[y * width + x], 2)

        let hidden = LinearAxis.init (Visible = false)

        let downward =
            LinearAxis.init (
                Visible = false,
                AutoRange = StyleParam.AutoRange.Reversed,
                ScaleAnchor = StyleParam.ScaleAnchor.X 1
            )

        Chart.Heatmap(zData = z, ColorScale = StyleParam.Colorscale.Greys, ShowScale = false)
        |> Chart.withXAxis hidden
        |> Chart.withYAxis downward

    /// Grey pictures, [height, width] each, side by side as one chart, each scaled to its own range.
    let mosaic columns height width (pictures: float[] list) =
        pictures
        |> List.map (fun picture ->
            let lowest, highest = Array.min picture, Array.max picture
            picture |> Array.map (fun value -> (value - lowest) / max 1e-9 (highest - lowest)))
        |> tiles columns height width

    /// The same with one scale for all of them: from lowest, black, to highest, white.
    let mosaicWithin (lowest: float, highest: float) columns height width (pictures: float[] list) =
        let chart =
            pictures
            |> List.map (Array.map (fun value -> (value - lowest) / (highest - lowest)))
            |> tiles columns height width

        for trace in GenericChart.getTraces chart do
            trace.SetProperty("zmin", 0.0)
            trace.SetProperty("zmax", 1.0)

        chart

    /// A table of results: printed on a terminal; on the site by (*** include-it-raw ***).
    let table (headers: string list) (rows: string list list) =
        if not Host.isSite then
            let grid = Table(Border = TableBorder.Rounded)

            for header in headers do
                grid.AddColumn(Markup.Escape header) |> ignore

            for row in rows do
                grid.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

            AnsiConsole.Write grid

        let line tag cells =
            let cells = cells |> List.map (fun cell -> $"<{tag}>{html cell}</{tag}>") |> String.concat ""
            $"<tr>{cells}</tr>"

        let body = rows |> List.map (line "td") |> String.concat "\n"
        let head = line "th" headers
        $"<table class=\"results\">\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    /// The C# source of a member, or of a whole type: csharp "Rules/LayerNorm.cs" "Forward". Only the site shows it: its
    /// build puts the listing in, so that no script waits for a compiler. Follow the call by (*** include-it-raw ***).
    let csharp (file: string) (name: string) =
        $"<div class=\"csharp\" data-file=\"{html file}\" data-name=\"{html name}\"></div>"

    /// Prints where the plots lie, and opens them if asked to.
    let internal list (page: Page) =
        for file in written do
            printfn $"Plot: {file}"

            if page.OpensPlots then
                Process.Start(ProcessStartInfo(file, UseShellExecute = true)) |> ignore
