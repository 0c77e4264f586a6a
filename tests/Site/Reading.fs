/// What a reader must not stumble over on any page. Each check returns complaints.
module Hybrid.Tests.Site.Reading

open System
open System.IO
open Hybrid.Tests.Site.Browser

/// Sum of all layout shifts from the first paint on. The web's own measure calls 0.1 good; a fifth of that is one line of text that moves by its
/// own height, while a chart or a formula that pushes the text below it costs more.
let private shiftLimit = 0.02

/// Bytes: the first page in all, and a later one, for which a browser has the plotting library already.
let private firstLimit, laterLimit = 6_000_000L, 1_500_000L

let private axe = lazy (File.ReadAllText(Path.Combine(__SOURCE_DIRECTORY__, "vendor", "axe-core", "axe.min.js")))

/// Serious and critical violations that axe-core finds; all its rules, or only those named.
let violations (visit: Visit) (rules: string list) =
    task {
        let! _ = visit.Page.EvaluateAsync axe.Value
        let names = rules |> List.map (fun rule -> $"'{rule}'") |> String.concat ", "
        return! ask visit $"look.axe([{names}])"
    }

/// What the page made the browser load, by the sizes of the files: nothing is compressed.
let private weight (visit: Visit) =
    let size (address: string) =
        let path = Uri.UnescapeDataString(address.Substring visit.Base.Length)
        let file = FileInfo(Path.Combine(Site.folder, path))
        if file.Exists then file.Length else 0L

    let sizes = [ for address in visit.Loaded -> address, size address ]
    let first = List.sumBy snd sizes

    let later = sizes |> List.filter (fun (address, _) -> not (address.EndsWith "plotly.min.js")) |> List.sumBy snd

    [
        if first > firstLimit then
            $"it loads {first} bytes, more than {firstLimit}"
        if later > laterLimit then
            $"it loads {later} bytes beside the plotting library, more than {laterLimit}"
    ]

/// Everything on a page in one window, and what becomes of it when the window changes to the other form.
let complaints (other: Form) (visit: Visit) =
    task {
        let! maths = ask visit "look.maths()"
        let! overflow = ask visit "look.overflow()"
        let! charts = ask visit "look.charts()"
        let! shift = ask visit $"look.shift({shiftLimit})"
        do! resize visit other
        let! overflowAfter = ask visit "look.overflow()"
        let! chartsAfter = ask visit "look.charts()"
        let found = List.distinct (maths @ overflow @ charts @ shift @ overflowAfter @ chartsAfter)
        return List.ofSeq visit.Complaints @ weight visit @ found
    }
