/// The little statistics that the benchmark needs.
module Hybrid.Bench.Statistics

/// The value below which the given fraction of the numbers lies, interpolated between neighbours; NaN of none.
let percentile fraction (numbers: float seq) =
    let sorted = Seq.sort numbers |> Array.ofSeq

    if sorted.Length = 0 then
        nan
    else
        let position = fraction * float (sorted.Length - 1)
        let below = int position
        let above = min (below + 1) (sorted.Length - 1)
        sorted[below] + (position - float below) * (sorted[above] - sorted[below])

let median numbers = percentile 0.5 numbers

/// The middle one of some items in the order of a key; the lower of two middle ones.
let medianBy key items =
    let sorted = List.sortBy key items
    sorted[(sorted.Length - 1) / 2]

/// The exponent p of the power law y = c x^p that fits points best: the slope of the least-squares line through their logarithms.
let exponent (points: (float * float) list) =
    let logs = points |> List.map (fun (x, y) -> log x, log y)
    let meanX, meanY = List.averageBy fst logs, List.averageBy snd logs
    let covariance = logs |> List.sumBy (fun (x, y) -> (x - meanX) * (y - meanY))
    let variance = logs |> List.sumBy (fun (x, _) -> (x - meanX) * (x - meanX))
    covariance / variance

/// The largest difference of two results relative to the largest of the second's numbers; infinite where one is not finite.
let difference (ours: float[]) (theirs: float[]) =
    let largest = theirs |> Array.fold (fun largest value -> max largest (abs value)) 1e-30

    if ours.Length <> theirs.Length then
        infinity
    else
        let apart = Array.map2 (fun a b -> abs (a - b)) ours theirs

        if Array.exists (System.Double.IsFinite >> not) apart then
            infinity
        else
            Array.fold max 0.0 apart / largest
