// What every page starts with: the core, the libraries, and the helpers in the folder prelude/.
//
// A page looks like this:
//
//     (**
//     ---
//     title: Attention Is All You Need
//     category: Papers
//     categoryindex: 2
//     index: 1
//     description: One sentence for the home page.
//     year: 2017
//     keywords: attention, positional encoding, label smoothing
//     time: at most 5 minutes
//     needs: activations
//     ---
//     # Attention Is All You Need
//     Notes in Markdown, $x$ and $$ ... \tag{ATT-1} $$ for equations; other pages link to transformer.html#eq-ATT-1.
//     *)
//     #load "ensure.fsx"
//     #load "prelude.fsx"
//     open Hybrid.Scripts
//
//     // The name of the page, and which options it has beyond --quick, --seed, --out, --open and --help.
//     let page = Page.start "transformer" [ Extra.Full; Extra.Steps; Extra.Save ]
//     let steps = page.Steps(quick = 100, standard = 2000, full = 20000)
//     let stream = RandomStream(page.Seed)
//
//     // Written down before the run; settled after it.
//     let accurate =
//         claim
//             { Text = "The Transformer spells words better than the recurrent baseline."
//               Paper = "5.2 % phoneme error rate (Table 2)"
//               Measure = "phoneme error rate, %"
//               Threshold = "reproduced at most 8 %, partly at most 12 %"
//               Verdict = atMost 8.0 12.0 }
//
//     let history, seconds =
//         timed (fun () -> Progress.run "training" steps (fun report -> ... report step "loss 1.23, 15000 tokens/s" ...))
//
//     check "longhand = core, attention" error 1e-12      // prints, remembers; NaN fails
//     holds "a fully masked row gives zeros" (row = 0.0)
//
//     Chart.Line(x = xs, y = ys)
//     |> Chart.withXAxisStyle (TitleText = "step")
//     |> Chart.withYAxisStyle (TitleText = "loss, nats a token")
//     |> figure "loss" "Loss falls from ln V as training goes on."
//     (*** include-it-raw ***)
//     table [ "model"; "error" ] [ [ "ours"; "7.9" ] ]
//     (*** include-it-raw ***)
//     csharp "Rules/Normalization/LayerNorm.cs" "Forward"               // member, or the name of a type for all of it
//     (*** include-it-raw ***)
//
//     drawing "model" "What a pass records." (fun place -> place.Replace(".norm", "")) (model.Logits x)   // a box for each answer
//     (*** include-it-raw ***)
//
//     parity [ "LayerNorm" ]                              // stored figures of the comparison with PyTorch
//     (*** include-it-raw ***)
//
//     settle accurate [ 1UL, 7.9; 2UL, 8.1 ] seconds      // (seed, value) for each seed
//     finish page
#r "prelude/bin/Release/net10.0/Hybrid.Core.dll"
#r "prelude/bin/Release/net10.0/Hybrid.Prelude.dll"
#r "prelude/bin/Release/net10.0/MathNet.Numerics.dll"
#r "prelude/bin/Release/net10.0/Giraffe.ViewEngine.dll"
#r "prelude/bin/Release/net10.0/GraphShape.dll"
#r "prelude/bin/Release/net10.0/QuikGraph.dll"
#r "prelude/bin/Release/net10.0/DynamicObj.dll"
#r "prelude/bin/Release/net10.0/Newtonsoft.Json.dll"
#r "prelude/bin/Release/net10.0/Plotly.NET.dll"
#r "prelude/bin/Release/net10.0/Spectre.Console.Ansi.dll"
#r "prelude/bin/Release/net10.0/Spectre.Console.dll"
#r "prelude/bin/Release/net10.0/Argu.dll"

Hybrid.Scripts.Figures.prepare ()
