namespace Hybrid.Scripts

open System
open System.Collections.Generic
open System.Globalization
open System.Net
open GraphShape
open GraphShape.Algorithms.Layout
open Hybrid.Autodiff
open QuikGraph

/// A box of a drawing: some rules of one part of a model, with nothing of another part between them, or an input.
type PassBox(part: string, isInput: bool) =
    /// A part of the model, or "input".
    member _.Part = part
    member _.IsInput = isInput
    /// Names of the rules, in the order in which they were applied.
    member val Rules = ResizeArray<string>()
    /// Of what it hands on.
    member val Shape = "" with get, set
    /// What it reads, each once.
    member val Reads = HashSet<PassBox>(HashIdentity.Reference)

[<RequireQualifiedAccess>]
module PassBoxes =
    let private isSame (a: PassBox) (b: PassBox) = Object.ReferenceEquals(a, b)

    let rec private dependsOn target (box: PassBox) = isSame box target || Seq.exists (dependsOn target) box.Reads

    /// What a variable was computed from, each box behind those that it reads. Parameters and buffers belong to the rules that read them.
    let behind (part: string -> string) (output: Variable<'T>) : PassBox list =
        let boxes, known = ResizeArray<PassBox>(), Dictionary<Variable<'T>, PassBox>(HashIdentity.Reference)

        let rec boxOf (variable: Variable<'T>) : PassBox =
            match known.TryGetValue variable with
            | true, box -> box
            | _ ->
                let reads =
                    variable.Inputs
                    |> Seq.filter (fun input -> not (input :? Stored<'T>))
                    |> Seq.map boxOf
                    |> Seq.distinct
                    |> List.ofSeq

                let name = if reads.IsEmpty then "input" else part variable.Place

                // A box grows by what reads it, unless something else that is read there depends on the box: arrows would go in a circle.
                let grows (box: PassBox) =
                    not box.IsInput
                    && box.Part = name
                    && reads |> List.forall (fun other -> isSame other box || not (dependsOn box other))

                let box =
                    List.tryFind grows reads
                    |> Option.defaultWith (fun () ->
                        let box = PassBox(name, reads.IsEmpty)
                        boxes.Add box
                        box)

                if not box.IsInput then
                    box.Rules.Add variable.Rule

                box.Shape <- string variable.Shape
                box.Reads.UnionWith(reads |> Seq.filter (isSame box >> not))
                known.Add(variable, box)
                box

        boxOf output |> ignore
        List.ofSeq boxes

/// A recorded pass as a picture.
[<RequireQualifiedAccess>]
module Drawing =
    // Pixels: of a line of text, of a letter, within a box, between rows and beside each other.
    let private line, letter, margin, layerGap, boxGap = 17.0, 7.3, 12.0, 42.0, 24.0

    let private html (text: string) = WebUtility.HtmlEncode text

    let private n (value: float) = value.ToString("0.#", CultureInfo.InvariantCulture)

    /// The part, and the rules: each run of equal ones once, and of many the first two and the last.
    let private lines (box: PassBox) =
        let rules =
            List.foldBack
                (fun rule rules -> if List.tryHead rules = Some rule then rules else rule :: rules)
                (List.ofSeq box.Rules)
                []

        let rules =
            match rules with
            | first :: second :: _ when rules.Length > 4 -> [ first; second; "…"; List.last rules ]
            | rules -> rules

        [ box.Part; String.concat ", " rules ] |> List.filter (fun line -> line <> "")

    let private sizeOf box =
        let lines = lines box
        let longest = lines |> List.map String.length |> List.max
        Size(letter * float longest + 2.0 * margin, line * float lines.Length + margin)

    /// What is read stands above (Sugiyama et al. 1981). An arrow that passes a row has a point there.
    let private layout (boxes: PassBox list) (sizes: IDictionary<PassBox, Size>) =
        let graph = BidirectionalGraph<PassBox, IEdge<PassBox>>()
        graph.AddVertexRange boxes |> ignore

        for box in boxes do
            for read in box.Reads do
                graph.AddEdge(Edge<PassBox>(read, box)) |> ignore

        let parameters = SugiyamaLayoutParameters(LayerGap = layerGap, SliceGap = boxGap, OptimizeWidth = false)

        let layout =
            SugiyamaLayoutAlgorithm<_, IEdge<PassBox>, BidirectionalGraph<_, _>>(
                graph,
                sizes,
                parameters,
                Rand = Random 1
            )

        layout.Compute()
        graph, layout.VerticesPositions, layout.EdgeRoutes

    let private svg name caption (boxes: PassBox list) =
        let sizes = dict [ for box in boxes -> box, sizeOf box ]
        let graph, middles, routes = layout boxes sizes

        let passed edge =
            match routes.TryGetValue edge with
            | true, points when not (isNull points) -> List.ofArray points
            | _ -> []

        let corners (box: PassBox) =
            let middle, size = middles[box], sizes[box]

            middle.X - size.Width / 2.0,
            middle.Y - size.Height / 2.0,
            middle.X + size.Width / 2.0,
            middle.Y + size.Height / 2.0

        let rectangle box =
            let left, top, right, bottom = corners box
            let middle = middles[box].X
            let kind = if box.IsInput then " class=\"input\"" else ""

            let text =
                lines box
                |> List.mapi (fun i text ->
                    let kind = if i > 0 || box.Part = "" then " class=\"rules\"" else ""
                    $"<text x=\"{n middle}\" y=\"{n (top + margin / 2.0 + line * (float i + 0.75))}\"{kind}>{html text}</text>")
                |> String.concat ""

            $"<g{kind}><rect x=\"{n left}\" y=\"{n top}\" width=\"{n (right - left)}\" height=\"{n (bottom - top)}\" rx=\"6\"/>{text}"
            + $"<text class=\"shape\" x=\"{n (middle - 8.0)}\" y=\"{n (bottom + line)}\">{html box.Shape}</text></g>"

        let arrow (edge: IEdge<PassBox>) =
            let _, _, _, bottom = corners edge.Source
            let _, top, _, _ = corners edge.Target

            let between = [ for point in passed edge -> (point.X, point.Y) ]
            let points = [ (middles[edge.Source].X, bottom) ] @ between @ [ (middles[edge.Target].X, top - 7.0) ]

            // From point to point, downwards at each.
            let bends =
                List.pairwise points
                |> List.map (fun ((x1, y1), (x2, y2)) ->
                    let half = (y2 - y1) / 2.0
                    $"C{n x1} {n (y1 + half)} {n x2} {n (y2 - half)} {n x2} {n y2}")
                |> String.concat ""

            let x, y = points.Head
            $"<path class=\"edge\" d=\"M{n x} {n y}{bends}\" marker-end=\"url(#arrow-{html name})\"/>"

        let places = List.map corners boxes

        let bends =
            [
                for edge in graph.Edges do
                    for point in passed edge -> point.X
            ]

        let along = bends @ [ for left, _, _, _ in places -> left ] @ [ for _, _, right, _ in places -> right ]
        let left, right = List.min along - 70.0, List.max along + 10.0
        let top = List.min [ for _, top, _, _ in places -> top ] - 4.0
        let bottom = List.max [ for _, _, _, bottom in places -> bottom ] + line + 8.0

        $"<svg role=\"img\" aria-label=\"{html caption}\" viewBox=\"{n left} {n top} {n (right - left)} {n (bottom - top)}\" width=\"{n (right - left)}\">"
        + $"<defs><marker id=\"arrow-{html name}\" viewBox=\"0 0 8 8\" refX=\"1\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
        + $"""{graph.Edges |> Seq.map arrow |> String.concat "\n"}{'\n'}{boxes |> List.map rectangle |> String.concat "\n"}</svg>"""

    /// The boxes behind a variable as a figure in HTML.
    let figure (name: string) (caption: string) (part: string -> string) (output: Variable<'T>) =
        let picture = svg name caption (PassBoxes.behind part output)
        $"<figure class=\"drawing\" id=\"fig-{html name}\">\n{picture}\n<figcaption>{html caption}</figcaption>\n</figure>"
