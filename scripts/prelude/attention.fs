namespace Hybrid.Scripts

open Hybrid.Autodiff
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Plotly.NET

/// What the heads of an encoder-decoder look at.
[<RequireQualifiedAccess>]
module AttentionMaps =
    /// The weights of every attention for one pair, by name, each [1, heads, queries, keys].
    let collect (tape: Tape<float32>) (model: Transformer<float32>) (pair: SequencePair) =
        let batch = PairBatch [| pair |]
        tape.Clear()
        model.Decode(model.Encode(tape, batch.Source), batch.Source, batch.DecoderInput) |> ignore

        // Of the rule's two values the last is the weights.
        tape.Recorded
        |> Seq.filter (fun made -> made.Rule = "Attention")
        |> Seq.groupBy _.Place
        |> Seq.map (fun (place, made) -> place, (Seq.last made).Value.ToPersistent())
        |> List.ofSeq

    /// A picture for each head, of which the reader chooses one: the tokens of the source, and those of the target. A number keeps equal tokens apart.
    let chart (maps: (string * Tensor<float32>) list) (source: string[]) (target: string[]) =
        let numbered tokens = tokens |> Array.mapi (fun i token -> $"{token} ({i + 1})")
        let read = numbered source
        let heard, said = numbered [| "<begin>"; yield! target |], numbered [| yield! target; "<end>" |]

        [
            for name, map in maps do
                let rows, columns = map.Shape[2], map.Shape[3]
                let queries = if name.StartsWith "encoder" then read else said
                let keys = if name.StartsWith "decoder" && name.EndsWith "self" then heard else read

                for head in 0 .. map.Shape[1] - 1 do
                    let weights =
                        map.ToArray()[head * rows * columns .. (head + 1) * rows * columns - 1]
                        |> Array.chunkBySize columns

                    $"{name}, head {head + 1}",
                    Chart.Heatmap(
                        zData = weights,
                        X = keys,
                        Y = queries,
                        ColorScale = StyleParam.Colorscale.Viridis,
                        ColorBar = ColorBar.init (Title = Title.init "weight"),
                        ReverseYAxis = true
                    )
        ]
        |> List.rev
        |> selector
        |> Chart.withXAxisStyle (TitleText = "looked at")
        |> Chart.withYAxisStyle (TitleText = "looking")
