namespace Hybrid.Scripts

open System
open System.Collections.Generic
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Nodes
open Newtonsoft.Json
open Plotly.NET

/// Colours that people with any kind of colour vision tell apart (Okabe and Ito 2008). A page carries their names; charts.css has a shade of each
/// for light pages and one for dark ones.
[<RequireQualifiedAccess>]
module Palette =
    let blue = Color.fromHex "#0072B2"
    let orange = Color.fromHex "#E69F00"
    let green = Color.fromHex "#009E73"
    let red = Color.fromHex "#D55E00"
    let purple = Color.fromHex "#CC79A7"
    let sky = Color.fromHex "#56B4E9"
    let grey = Color.fromHex "#888888"

    /// By what Plotly.NET writes for a colour, what charts.css calls it.
    let internal names =
        readOnlyDict
            [
                for color, name in
                    [
                        blue, "--blue"
                        orange, "--orange"
                        green, "--green"
                        red, "--red"
                        purple, "--purple"
                        sky, "--sky"
                        grey, "--grey"
                    ] -> JsonConvert.SerializeObject(color).Trim '"', name
            ]

/// The data of a chart as its page carries it: what Plotly.NET writes, checked and made small.
[<RequireQualifiedAccess>]
module internal ChartData =
    let private text (node: JsonNode | null) =
        match node with
        | :? JsonValue as value when value.GetValueKind() = JsonValueKind.String -> Some(value.GetValue<string>())
        | _ -> None

    let private child (key: string) (node: JsonNode | null) =
        match node with
        | :? JsonObject as fields -> fields[key]
        | _ -> null

    let private traces (chart: JsonObject) =
        [ for trace in (nonNull chart["data"]).AsArray() -> (nonNull trace).AsObject() ]

    let private kind trace = text (child "type" trace) |> Option.defaultValue "scatter"

    /// The axis of the layout along which a trace lies with its x or y.
    let private axisOf (chart: JsonObject) (letter: string) trace =
        let id = text (child $"{letter}axis" trace) |> Option.defaultValue letter
        chart["layout"] |> child $"{letter}axis{id[1..]}"

    /// A chart with two axes has to say what lies along each of them.
    let private refuseBareAxes name (chart: JsonObject) =
        let cartesian =
            set [ "scatter"; "scattergl"; "bar"; "heatmap"; "contour"; "histogram"; "box"; "violin"; "image" ]

        for trace in traces chart do
            if cartesian.Contains(kind trace) then
                for letter, way in [ "x", "horizontal"; "y", "vertical" ] do
                    let axis = axisOf chart letter trace

                    let isHidden =
                        match child "visible" axis with
                        | null -> false
                        | value -> not (value.GetValue<bool>())

                    let title = text (axis |> child "title" |> child "text") |> Option.defaultValue ""

                    if not isHidden && String.IsNullOrWhiteSpace title then
                        Host.refuse
                            $"The chart '{name}' does not say what its {way} axis shows; add Chart.with{letter.ToUpperInvariant()}AxisStyle (TitleText = \"what, unit\")."

    /// Names for the palette's colours, and nothing where nothing is said.
    let rec private rename (node: JsonNode | null) =
        match node with
        | :? JsonObject as fields ->
            for key in [ for field in fields -> field.Key ] do
                match fields[key] with
                | :? JsonObject as inner ->
                    rename inner

                    if inner.Count = 0 then
                        fields.Remove key |> ignore
                | value ->
                    match text value with
                    | Some color when Palette.names.ContainsKey color -> fields[key] <- Palette.names[color]
                    | _ -> ()
        | _ -> ()

    /// For each trace, the number of the choice that shows it.
    let private owners (chart: JsonObject) =
        match chart["choice"] with
        | null -> [ for _ in traces chart -> 0 ]
        | choice -> [ for owner in (nonNull choice["owners"]).AsArray() -> (nonNull owner).GetValue<int>() ]

    let private dashes = [| "solid"; "dash"; "dot"; "dashdot"; "longdash"; "longdashdot" |]
    let private symbols = [| "circle"; "square"; "diamond"; "triangle-up"; "x"; "cross"; "star" |]

    /// Lines and points that differ in colour differ in dash or marker too, unless the page has chosen those itself.
    let private tellApart (traces: JsonObject list) =
        let distinguish (part: string) key (looks: string[]) (chosen: JsonObject list) =
            let isSettled = chosen |> List.exists (fun trace -> not (isNull (child key trace[part])))

            let colorOf trace =
                [ "marker"; "line" ] |> List.choose (fun part -> text (trace |> child part |> child "color"))

            let colors = chosen |> List.map colorOf |> List.distinct

            if not isSettled && colors.Length > 1 then
                for trace in chosen do
                    let look = looks[List.findIndex ((=) (colorOf trace)) colors % looks.Length]

                    if look <> looks[0] then
                        match trace[part] with
                        | null ->
                            trace[part] <- JsonObject [ KeyValuePair(key, JsonValue.Create look :> JsonNode | null) ]
                        | settings -> settings[key] <- JsonValue.Create look

        let ofMode (mode: string) = traces |> List.filter (fun trace -> text (child "mode" trace) = Some mode)
        distinguish "line" "dash" dashes (ofMode "lines")
        distinguish "marker" "symbol" symbols (ofMode "lines+markers" @ ofMode "markers")

    let private number (node: JsonNode | null) =
        match node with
        | :? JsonValue as value when value.GetValueKind() = JsonValueKind.Number -> Some(value.GetValue<float>())
        | _ -> None

    let private span (numbers: float list) = if numbers.IsEmpty then 0.0 else List.max numbers - List.min numbers

    /// Digits behind the point that leave so many from the first that counts on.
    let private decimals digits size =
        if size = 0.0 || not (Double.IsFinite size) then
            0
        else
            digits - 1 - int (floor (log10 (abs size)))

    /// A row of numbers, each with as many digits behind the point as asked for; what is no number stays, but NaN, which JSON has no word for.
    let private round (digitsOf: float -> int) (row: JsonArray) =
        for i in 0 .. row.Count - 1 do
            match number row[i], text row[i] with
            | Some value, _ -> row[i] <- JsonValue.Create(Math.Round(value, Math.Clamp(digitsOf value, 0, 15)))
            | _, Some "NaN" -> row[i] <- null
            | _ -> ()

    /// Numbers with as many digits as can be seen: a thousandth of what they span, or on a logarithmic axis four digits that count.
    let private shorten chart (trace: JsonObject) =
        for field in trace do
            match field.Value with
            | :? JsonArray as rows when rows.Count > 0 && (rows[0] :? JsonArray) ->
                // Shades, of which nobody tells more apart.
                let rows = [ for row in rows -> (nonNull row).AsArray() ]
                let digits = decimals 3 (span (rows |> List.collect (List.ofSeq >> List.choose number)))
                rows |> List.iter (round (fun _ -> digits))
            | :? JsonArray as row ->
                let span = span (List.choose number (List.ofSeq row))
                let isLogarithmic = text (axisOf chart field.Key trace |> child "type") = Some "log"
                row |> round (if isLogarithmic || span = 0.0 then decimals 4 else (fun _ -> decimals 4 span))
            | _ -> ()

    /// Rows that the chart holds more than once are written once, in "shared"; in their place stands their number.
    let private share (chart: JsonObject) =
        let rows =
            [
                for trace in traces chart do
                    for field in trace do
                        match field.Value with
                        | :? JsonArray as row when row.Count > 8 -> trace, field.Key, row.ToJsonString()
                        | _ -> ()
            ]

        let repeated = rows |> List.countBy (fun (_, _, row) -> row) |> List.filter (fun (_, times) -> times > 1)
        let places = dict [ for i, (row, _) in List.indexed repeated -> row, i ]

        for trace, key, row in rows do
            match places.TryGetValue row with
            | true, place ->
                trace[key] <- JsonObject [ KeyValuePair("shared", JsonValue.Create place :> JsonNode | null) ]
            | _ -> ()

        if not repeated.IsEmpty then
            chart["shared"] <- JsonArray [| for row, _ in repeated -> JsonNode.Parse row |]

    /// Of the chart with that name: "data" and "layout" as Plotly has them, "choice" (see Figures.selector) and "shared".
    let ofChart name (chart: GenericChart) =
        let source = (nonNull (JsonNode.Parse(GenericChart.toFigureJson chart))).AsObject()
        let layout = (nonNull source["layout"]).AsObject()
        let chart = JsonObject()

        for owner, key in [ source, "data"; source, "layout"; layout, "choice" ] do
            match owner[key] with
            | null -> ()
            | node ->
                owner.Remove key |> ignore
                chart[key] <- node

        for key in [ "template"; "width" ] do
            layout.Remove key |> ignore

        refuseBareAxes name chart
        traces chart |> List.iter rename
        rename layout

        for _, together in List.zip (owners chart) (traces chart) |> List.groupBy fst do
            tellApart (List.map snd together)

        traces chart |> List.iter (shorten chart)
        share chart
        chart

    /// How many names the legend holds at most; none where there is but one line.
    let legendEntries (chart: JsonObject) =
        let named =
            traces chart
            |> List.map (fun trace -> (text (child "name" trace)).IsSome && kind trace <> "heatmap")

        let atOnce = List.zip (owners chart) named |> List.countBy id |> List.filter (fst >> snd) |> List.map snd
        let most = List.fold max 0 atOnce
        if most > 1 then most else 0

    /// True if the chart is one of lines, points or bars, whose numbers make a table.
    let hasTable (chart: JsonObject) =
        traces chart |> List.forall (fun trace -> kind trace = "scatter" || kind trace = "bar")

    let private options = JsonSerializerOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping)

    /// As text for a block in a page, which no "<" can end early.
    let toJson (chart: JsonObject) = (chart.ToJsonString options).Replace("<", "\\u003C")
