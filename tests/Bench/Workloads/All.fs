/// Everything that `ratios` measures. A new workload is one entry in one of these lists.
module Hybrid.Bench.Workloads

let all =
    Products.all
    @ Rows.all
    @ Images.all
    @ Elementwise.all
    @ Convolutions.all
    @ TransformerSteps.all
    @ ResNet.all
    @ Gan.all
