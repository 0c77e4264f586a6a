/// How time and memory of our Transformer's training step grow: the exponent fitted to measurements beside the one that the
/// step's formulas have over the same sizes.
module Hybrid.Bench.Scaling

open System
open System.Diagnostics
open System.Globalization
open System.Text.Json

type Point =
    {
        Value: int
        Ms: float
        /// Peak memory of the step's process, less what a process without a model takes.
        MB: float
    }

type Axis =
    {
        Axis: string
        Points: Point list
        TimeExponent: float
        ExpectedTime: float
        MemoryExponent: float option
        ExpectedMemory: float option
    }

let private start =
    {
        Name = "scaling"
        Features = 128
        Heads = 4
        Layers = 2
        Hidden = 512
        Vocabulary = 64
        Batch = 32
        Time = 32
    }

let private axes =
    [
        "batch", [ for n in [ 16; 32; 64; 128 ] -> n, { start with Batch = n } ]
        "length", [ for n in [ 16; 32; 64; 128 ] -> n, { start with Time = n } ]
        // Heads keep their width, and the feed-forward layers stay four times as wide.
        "width", [ for n in [ 64; 128; 256; 512 ] -> n, { start with Features = n; Heads = n / 32; Hidden = 4 * n } ]
        "depth", [ for n in [ 1; 2; 4; 8 ] -> n, { start with Layers = n } ]
    ]

/// Milliseconds and peak memory of one size, printed. The job of a process of its own.
let step (size: string) =
    let size = JsonSerializer.Deserialize<TransformerSize> size |> nonNull
    let side = TransformerOurs.side size true ()
    let watch = Stopwatch.StartNew()

    while watch.Elapsed.TotalSeconds < 0.5 do
        side.Run()

    let times =
        [
            while watch.Elapsed.TotalSeconds < 2.5 do
                let start = Stopwatch.GetTimestamp()
                side.Run()
                Stopwatch.GetElapsedTime(start).TotalMilliseconds
        ]

    let show (number: float) = number.ToString CultureInfo.InvariantCulture
    printfn $"{show (Statistics.percentile 0.25 times)} {show (Self.peakMemory ())}"

let private measure threads size =
    // A small youngest generation (1 MB, in hex): else up to a cache full of short-lived objects would count as memory of the step.
    let variables = [ "HYBRID_THREADS", string threads; "DOTNET_GCgen0size", "100000" ]
    let output = Self.run variables [ "step"; JsonSerializer.Serialize<TransformerSize> size ]

    match output.Trim().Split ' ' |> Array.map (fun text -> Double.Parse(text, CultureInfo.InvariantCulture)) with
    | [| ms; megabytes |] -> ms, megabytes
    | _ -> failwith $"a step printed '{output}' instead of its time and its memory."

let private fit select (points: Point list) =
    Statistics.exponent [ for point in points -> float point.Value, select point ]

let private report (axis: Axis) =
    let points = axis.Points |> List.map (fun point -> $"{point.Value}: {point.Ms:F1} ms {point.MB:F0} MB")
    let number (value: float option) = value |> Option.map _.ToString("0.00") |> Option.defaultValue ""

    printfn
        $"""%-8s{axis.Axis} %6.2f{axis.TimeExponent} %9.2f{axis.ExpectedTime}  %6s{number axis.MemoryExponent} %9s{number axis.ExpectedMemory}   {String.concat ", " points}"""

let run threads =
    printfn $"""%-8s{"axis"} %6s{"time"} %9s{"expected"}  %6s{"memory"} %9s{"expected"}   measured"""

    let least = { start with Features = 8; Heads = 1; Layers = 0; Hidden = 8; Batch = 1; Time = 2 }
    let _, empty = measure threads least

    let point threads value size =
        let ms, megabytes = measure threads size
        { Value = value; Ms = ms; MB = megabytes - empty }

    let grown =
        [
            for name, sizes in axes do
                let points = [ for value, size in sizes -> point threads value size ]
                let expected count = Statistics.exponent [ for value, size in sizes -> float value, count size ]

                let axis =
                    {
                        Axis = name
                        Points = points
                        TimeExponent = fit _.Ms points
                        ExpectedTime = expected StepCost.multiplications
                        MemoryExponent = Some(fit _.MB points)
                        ExpectedMemory = Some(expected StepCost.numbersKept)
                    }

                report axis
                axis
        ]

    // Powers of two up to all cores: memory has nothing to do with them.
    let counts = Seq.initInfinite (pown 2) |> Seq.takeWhile (fun n -> n <= Environment.ProcessorCount) |> List.ofSeq

    if counts.Length < 2 then
        printfn "threads  one core: nothing to compare"
        grown
    else
        let points = [ for n in counts -> point n n start ]

        let axis =
            {
                Axis = "threads"
                Points = points
                TimeExponent = fit _.Ms points
                ExpectedTime = -1.0
                MemoryExponent = None
                ExpectedMemory = None
            }

        report axis
        grown @ [ axis ]
