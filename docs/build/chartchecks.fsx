namespace Hybrid.Docs

open System
open System.Text.Json
open AngleSharp.Dom

/// What no chart may lack. Its data is the JSON that Plotly reads.
[<RequireQualifiedAccess>]
module Charts =
    let private property (name: string) (element: JsonElement) =
        match element.ValueKind with
        | JsonValueKind.Object ->
            match element.TryGetProperty name with
            | true, found -> Some found
            | _ -> None
        | _ -> None

    let private text (element: JsonElement option) =
        match element with
        | Some element when element.ValueKind = JsonValueKind.String -> element.GetString()
        | _ -> ""

    let private isHidden axis =
        axis
        |> Option.bind (property "visible")
        |> Option.exists (fun v -> v.ValueKind = JsonValueKind.False)

    let private isTitled axis =
        let title = axis |> Option.bind (property "title")
        let words = text title + text (title |> Option.bind (property "text"))
        not (String.IsNullOrWhiteSpace words)

    /// True if each value is a name, which needs no title to be understood.
    let private areNames (values: JsonElement option) =
        match values with
        | Some values when values.ValueKind = JsonValueKind.Array && values.GetArrayLength() > 0 ->
            values.EnumerateArray() |> Seq.forall (fun value -> value.ValueKind = JsonValueKind.String)
        | _ -> false

    let private withAxes =
        set
            [
                yield! [ "scatter"; "scattergl"; "bar"; "box"; "violin"; "histogram"; "heatmap"; "contour" ]
                yield! [ "histogram2d"; "histogram2dcontour"; "waterfall"; "funnel"; "candlestick"; "ohlc" ]
            ]

    /// The axes of a chart that need a title and have none, such as xaxis.
    let private untitled (chart: JsonElement) =
        [
            for trace in (chart.GetProperty "data").EnumerateArray() do
                let kind = text (property "type" trace)

                if kind = "" || withAxes.Contains kind then
                    for letter in [ "x"; "y" ] do
                        // A trace says "x2" for the layout's "xaxis2".
                        let key = letter + "axis" + (text (property (letter + "axis") trace)).TrimStart('x', 'y')
                        let axis = property "layout" chart |> Option.bind (property key)

                        if not (isHidden axis || isTitled axis || areNames (property letter trace)) then
                            key
        ]
        |> List.distinct

    /// A chart of these traces in this layout, for charts.js. The attributes are those of the place where it is drawn.
    let figure (caption: string) (attributes: string) (data: obj list) (layout: obj) =
        // "</" would end the block early.
        let json = (JsonSerializer.Serialize {| data = data; layout = layout |}).Replace("</", "<\\/")
        let place = $"<div {attributes} role=\"img\" aria-label=\"{caption}\"></div>"

        // A chart that is wider than a phone scrolls in its box.
        $"<figure class=\"chart\"><div class=\"table-box\" data-name=\"The chart\">{place}</div>"
        + $"<script type=\"application/json\" class=\"plot\">{json}</script><figcaption>{caption}</figcaption></figure>"

    /// Charts that say nothing to readers who cannot see them, or whose axes do not say what they measure.
    let complaints (name: string) (document: IDocument) =
        [
            for block in document.QuerySelectorAll "script.plot" do
                let figure = block.Closest "figure"
                let id = if isNull figure then "" else " " + figure.Id
                let area = if isNull figure then null else figure.QuerySelector ".plot-area"
                let caption = if isNull figure then null else figure.QuerySelector "figcaption"

                if
                    isNull area
                    || area.GetAttribute "role" <> "img"
                    || String.IsNullOrWhiteSpace(area.GetAttribute "aria-label")
                then
                    $"{name}: the chart{id} has no text alternative; give its plot-area role=\"img\" and an aria-label that says what it shows."

                if isNull caption || String.IsNullOrWhiteSpace caption.TextContent then
                    $"{name}: the chart{id} has no caption; give figure one."

                use chart = JsonDocument.Parse block.TextContent

                for axis in untitled chart.RootElement do
                    $"{name}: the {axis} of the chart{id} has no title; say what it measures and in which unit."

                if block.TextContent.Contains '$' then
                    $"{name}: the chart{id} holds a raw $, which Plotly shows as it is written; use letters and signs."
        ]
