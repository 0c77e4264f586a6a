namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Text.Json.Nodes
open Hybrid.Autodiff
open Plotly.NET
open Plotly.NET.LayoutObjects
open Spectre.Console

[<AutoOpen>]
module Figures =
    /// What holds for all charts and tables; prelude.fsx calls it before a page begins.
    let prepare () =
        // charts.js, which draws every chart, sets colours and fonts by the reader's theme.
        Defaults.DefaultTemplate <- Template.init (Layout.init ())
        Defaults.DefaultHeight <- 420

        // Printed tables are broken into 80 columns, unless whoever reads them is a program.
        match Int32.TryParse(Environment.GetEnvironmentVariable "HYBRID_WIDTH") with
        | true, width -> AnsiConsole.Profile.Width <- width
        | _ -> ()

    let private written = ResizeArray<string>()

    let private html (text: string) = WebUtility.HtmlEncode text

    /// The place for a chart, as high as it will be, so that nothing moves when it is drawn. Charts grow by their legends on narrow screens;
    /// pictures keep their proportions.
    let private area (caption: string) (chart: JsonObject) =
        let layout = nonNull chart["layout"]

        let size =
            match layout["proportions"] with
            | null ->
                let height, entries = layout["height"], ChartData.legendEntries chart
                $"class=\"plot-area\" style=\"--height:{height}px;--entries:{entries}\""
            | proportions -> $"class=\"plot-area picture\" style=\"aspect-ratio:{proportions}\""

        $"<div {size} role=\"img\" aria-label=\"{html caption}\"></div>\n"

    /// The chart as data, which charts.js draws; readers without scripts keep the caption.
    let private figureHtml (name: string) (caption: string) (chart: GenericChart) =
        let chart = ChartData.ofChart name chart
        let chooser = if isNull chart["choice"] then "" else "<div class=\"chooser\"></div>\n"

        let numbers =
            if ChartData.hasTable chart then
                "<details class=\"numbers\"><summary>Numbers</summary></details>\n"
            else
                ""

        $"<figure class=\"chart\" id=\"fig-{html name}\">\n{chooser}{area caption chart}"
        + $"<script type=\"application/json\" class=\"plot\">{ChartData.toJson chart}</script>\n"
        + $"<figcaption>{html caption}</figcaption>\n{numbers}</figure>"

    let private writeBeside folder name (open': unit -> Stream) =
        let target = Path.Combine(folder, name)
        use source = open' ()

        if not (File.Exists target) || FileInfo(target).Length <> source.Length then
            use file = File.Create target
            source.CopyTo file

    let private writePage (page: Page) name figure =
        let asset name () : Stream = File.OpenRead(Path.Combine(Host.root, "docs", "content", name))

        let plotly () =
            nonNull (typeof<GenericChart>.Assembly.GetManifestResourceStream "Plotly.NET.plotly-2.28.0.min.js")

        writeBeside page.Out "plotly.min.js" plotly

        for file in [ "charts.css"; "charts.js" ] do
            writeBeside page.Out file (asset file)

        let document =
            $"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{html page.Name}: {html name}</title>\n"
            + "<link rel=\"stylesheet\" href=\"charts.css\">\n</head>\n<body>\n"
            + figure
            + "\n<script src=\"plotly.min.js\"></script>\n<script src=\"charts.js\"></script>\n</body>\n</html>\n"

        let file = Path.Combine(page.Out, name + ".html")
        File.WriteAllText(file, document)
        written.Add file

    /// A figure in HTML: on a terminal it becomes <out>/<name>.html.
    let internal shownAs name figure =
        if not Host.isSite then
            writePage (Page.current ()) name figure

        Host.shown figure

    /// A chart of the page, with a title on each axis: what lies along it, and its unit. Its caption, which readers who cannot see the chart get in
    /// its place, says what it shows. On a terminal it becomes <out>/<name>.html; follow the call by (*** include-it-raw ***) for the site.
    let figure (name: string) (caption: string) (chart: GenericChart) = shownAs name (figureHtml name caption chart)

    /// A recorded pass as a picture of the model: a box for each of its parts, with the rules applied there, and arrows from what is read to what
    /// reads it, with the shape of what is handed on. Which part a rule belongs to is made from its place, such as "stage.0.block.1.first.conv": the
    /// fewer answers, the fewer boxes. Record with tape.Evaluation() or in training, since inference gives the memory of all but outputs back.
    let drawing (name: string) (caption: string) (part: string -> string) (output: Variable<'T>) =
        shownAs name (Drawing.figure name caption part output)

    /// All charts in one, of which the one with that number is shown; charts.js puts a control beside it that shows another.
    let private stacked (control: string) label shown (charts: (string * GenericChart) list) =
        let combined = charts |> List.map snd |> Chart.combine
        let choice = DynamicObj.DynamicObj()
        choice.SetProperty("control", control)
        choice.SetProperty("label", label)
        choice.SetProperty("shown", shown)
        choice.SetProperty("names", [| for name, _ in charts -> name |])

        choice.SetProperty(
            "owners",
            [|
                for i, (_, chart) in List.indexed charts do
                    for _ in GenericChart.getTraces chart -> i
            |]
        )

        let layout = Plotly.NET.Layout()
        layout.SetProperty("choice", choice)
        GenericChart.addLayout layout combined

    /// Several charts in one place, of which the reader chooses one by name; the first is shown at the start.
    let selector (charts: (string * GenericChart) list) : GenericChart = stacked "list" "Shown" 0 charts

    /// Several moments of one chart, by name and in order, which the reader goes through with a slider or lets play; the last is shown at the
    /// start. The label stands before the name, such as "step". Axes follow the moment that is shown; give all moments one range to hold them still.
    let slider (label: string) (charts: (string * GenericChart) list) : GenericChart =
        stacked "player" label (charts.Length - 1) charts

    /// Pictures of numbers from 0, black, to 1, white, so many in a row and a pixel apart.
    let private tiles columns height width (pictures: float[] list) : GenericChart =
        let columns = min columns pictures.Length
        let rows = (pictures.Length + columns - 1) / columns
        let gap = 1
        let rowsOfPixels, pixelsOfRow = rows * (height + gap) - gap, columns * (width + gap) - gap
        let pixels = Array.init rowsOfPixels (fun _ -> Array.create pixelsOfRow nan)

        for i, picture in List.indexed pictures do
            let top, left = i / columns * (height + gap), i % columns * (width + gap)

            for y in 0 .. height - 1 do
                Array.blit picture (y * width) pixels[top + y] left width

        let hidden = LinearAxis.init (Visible = false)
        let layout = Plotly.NET.Layout()
        layout.SetProperty("proportions", $"{pixelsOfRow}/{rowsOfPixels}")

        Chart.Image(Source = Png.address pixels)
        |> Chart.withXAxis hidden
        |> Chart.withYAxis hidden
        |> GenericChart.addLayout layout

    /// Grey pictures, [height, width] each, side by side as one chart, each scaled to its own range.
    let mosaic columns height width (pictures: float[] list) =
        pictures
        |> List.map (fun picture ->
            let lowest, highest = Array.min picture, Array.max picture
            picture |> Array.map (fun value -> (value - lowest) / max 1e-9 (highest - lowest)))
        |> tiles columns height width

    /// The same with one scale for all of them: from lowest, black, to highest, white.
    let mosaicWithin (lowest: float, highest: float) columns height width (pictures: float[] list) =
        pictures
        |> List.map (Array.map (fun value -> (value - lowest) / (highest - lowest)))
        |> tiles columns height width

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
        Host.shown $"<table class=\"results\">\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    /// The C# source of a member, or of a whole type: csharp "Rules/Normalization/LayerNorm.cs" "Forward". Only the site shows it: its
    /// build puts the listing in, so that no script waits for a compiler. Follow the call by (*** include-it-raw ***).
    let csharp (file: string) (name: string) =
        Host.shown $"<div class=\"csharp\" data-file=\"{html file}\" data-name=\"{html name}\"></div>"

    /// Prints where the plots lie, and opens them if asked to.
    let internal list (page: Page) =
        for file in written do
            printfn $"Plot: {file}"

            if page.OpensPlots then
                Process.Start(ProcessStartInfo(file, UseShellExecute = true)) |> ignore
