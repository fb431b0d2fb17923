// The page's style: system fonts, light and dark by the reader's preference, readable at phone width and on
// paper. c0 … c10 are the methods' colours (c0: the baseline), s1 and s2 what else tells lines and marks
// apart, q0 … q4 the difficulty classes, q5 and q6 those of problems whose difficulty is not known.
#include "report/style.h"

namespace pope {

const char* const kStyle = R"css(
:root{--bg:#fbfbf9;--card:#fff;--text:#1f262d;--muted:#66717b;--rule:#e2e4e1;--soft:#f1f2ef;--link:#1d5fb8;
--up:#1b7a4b;--up-bg:#dff2e6;--down:#9a5b00;--down-bg:#fbecd2;--guide:#8a5a00;--guide-bg:#fdf6e6;--bad:#ad2f3a;--bad-bg:#fae5e6;
--m0:#8a949d;--m1:#c9601f;--m2:#2368c4;--m3:#2c8a5a;--m4:#8a53c6;--m5:#bb3a70;--m6:#12818d;--m7:#8b6d20;--m8:#14501e;--m9:#5a1560;--m10:#e51fd0;
--q0:#274b73;--q1:#4f79a6;--q2:#86a9cb;--q3:#b7cde2;--q4:#dde7f0;--q5:#b9b4a8;--q6:#dcd8cf}
@media(prefers-color-scheme:dark){:root{--bg:#14181c;--card:#1a1f24;--text:#e3e7ea;--muted:#98a2ab;--rule:#2c333a;--soft:#21272d;--link:#82b3f7;
--up:#7fd6a4;--up-bg:#173a28;--down:#f0bd6a;--down-bg:#40300f;--guide:#ecc16f;--guide-bg:#272113;--bad:#f2959d;--bad-bg:#43202a;
--m0:#97a1aa;--m1:#f0935a;--m2:#6fa9f7;--m3:#62c593;--m4:#bf97f0;--m5:#f07fac;--m6:#53c3ce;--m7:#d4b566;--m8:#3f9113;--m9:#9b52ff;--m10:#e0412b;
--q0:#9cc3ea;--q1:#6f9dc9;--q2:#4b769f;--q3:#345470;--q4:#263b4e;--q5:#6d6a63;--q6:#4a4843}}
.c0{--c:var(--m0)}.c1{--c:var(--m1)}.c2{--c:var(--m2)}.c3{--c:var(--m3)}.c4{--c:var(--m4)}.c5{--c:var(--m5)}.c6{--c:var(--m6)}.c7{--c:var(--m7)}
.c8{--c:var(--m8)}.c9{--c:var(--m9)}.c10{--c:var(--m10)}
.q0{--c:var(--q0)}.q1{--c:var(--q1)}.q2{--c:var(--q2)}.q3{--c:var(--q3)}.q4{--c:var(--q4)}.q5{--c:var(--q5)}.q6{--c:var(--q6)}
*{box-sizing:border-box}[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
header,main{max-width:1120px;margin:0 auto;padding:0 24px}
header{padding-top:44px}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 12px;font-weight:680}
h2{font-size:1.3rem;letter-spacing:-.01em;margin:0 0 14px;font-weight:650}
h3{font-size:1rem;margin:28px 0 10px;font-weight:620}
header p{max-width:46rem;color:var(--muted);margin:0 0 10px;white-space:pre-line}
nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin:18px 0 0;padding-bottom:14px;border-bottom:1px solid var(--rule)}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
section{padding:36px 0 8px}
small{font-size:.78rem;color:var(--muted);font-weight:400}
code,pre,.text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{font-size:.86em;overflow-wrap:anywhere}
dt{margin-top:10px}dd{margin:2px 0 0;color:var(--muted);font-size:.9rem;max-width:52rem}
.muted{color:var(--muted)}.note{color:var(--muted);font-size:.86rem;max-width:52rem;margin:10px 0 18px}.note.mid{text-align:center;margin:6px auto 14px}
.headline{font-size:1.28rem;line-height:1.42;letter-spacing:-.005em;max-width:46rem;margin:0 0 26px;font-weight:480}
.mark{display:inline-block;width:.68em;height:.68em;border-radius:50%;background:var(--c);margin-right:.5em;flex:none}
.mark.s1,.point.s1{background:radial-gradient(transparent 38%,var(--c) 42%)}.mark.s2,.point.s2{border-radius:0}
.tag{display:inline-flex;align-items:baseline;white-space:nowrap}.base{border:1px solid var(--rule);border-radius:20px;padding:0 7px;white-space:nowrap}
figure{margin:0}figcaption{font-size:.9rem;font-weight:600;margin-bottom:6px}
.dots{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 20px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px;margin-bottom:18px}
.dotrow{display:grid;grid-template-columns:minmax(6rem,11rem) 1fr 4.4rem;gap:14px;align-items:center;padding:5px 0}
.dotrow .name{font-size:.92rem;line-height:1.25}
.dotrow .value{text-align:right;font-weight:600;white-space:nowrap}
.track,.axis{position:relative;margin:0 6px}.track{height:26px;margin-top:-5px;margin-bottom:-5px;background:repeating-linear-gradient(90deg,var(--rule) 0 1px,transparent 1px var(--step)),linear-gradient(var(--rule),var(--rule)) center/100% 1px no-repeat}
.dots .scale{padding:0;color:var(--muted);font-size:.8rem}.axis{height:1.4em}.axis span{position:absolute;transform:translateX(-50%)}
.ref{position:absolute;top:0;bottom:0;border-left:2px dotted var(--m0)}
.whisker{position:absolute;top:10px;height:6px;background:var(--c);opacity:.34;border-radius:3px;min-width:2px}
.point{position:absolute;top:7px;width:12px;height:12px;margin-left:-6px;border-radius:50%;background:var(--c)}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--rule);border-radius:10px}
table{border-collapse:collapse;font-size:.92rem;width:100%}
th,td{padding:9px 14px;text-align:left;vertical-align:top}
tbody tr+tr>*{border-top:1px solid var(--rule)}
thead th{font-weight:600;font-size:.84rem;vertical-align:bottom;white-space:nowrap}
thead tr:last-child th,thead .corner{border-bottom:1px solid var(--rule)}
.results{white-space:nowrap}
.claims td:first-child{min-width:15rem}.claims td:last-child{white-space:nowrap}.bad{color:var(--bad)}
.results td,.results thead th{text-align:right}
.results thead th.group,.results thead th.corner{text-align:left}
.results th.group{padding-bottom:0}.results tr:nth-child(2) th.group{color:var(--muted);font-weight:500;padding-top:2px}
.results th.group:not(:empty){border-left:1px solid var(--rule)}.results th.first{border-left:1px solid var(--rule)}
.results thead tr:last-child th{color:var(--muted);font-weight:500}
.results tbody th{font-weight:600;position:sticky;left:0;background:var(--card)}.results .corner{position:sticky;left:0;background:var(--card);text-align:left}
.results td small,.results tbody th small{display:block}.results tbody th .base{display:inline-block;padding:0 7px;margin-left:.4em}
.results td{padding-left:10px}.results .value{font-size:1rem}
.results tbody th small{padding-left:1.25em}
.best .value{font-weight:720}
.gain{display:table;font-size:.76rem;margin:3px -5px 0 auto;padding:0 5px;border-radius:4px}
.up{color:var(--up)}.down{color:var(--down)}.up.clear{background:var(--up-bg)}.down.clear{background:var(--down-bg)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:6px 22px;padding:0;margin:0 0 10px;font-size:.92rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:22px 26px}
.charts figure{min-width:0}
.chart{display:block;width:100%;height:auto;overflow:visible}
.chart .grid{stroke:var(--rule)}.chart .axis{stroke:var(--muted)}
.chart text{font-size:12px;fill:var(--muted)}.mid{text-anchor:middle}.end{text-anchor:end}
.line{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}
.line.s1{stroke-dasharray:8 5}.line.s2{stroke-dasharray:1.5 5}.fade g[data-m]:not(.hot){opacity:.12}
.band{fill:var(--c);opacity:.15}.dot{fill:var(--c)}.cursor{stroke:var(--muted);stroke-dasharray:3 3}
.readout{display:flex;flex-wrap:wrap;gap:0 14px;min-height:1.5em;font-size:.8rem;color:var(--muted)}.many .readout{height:4.6em;overflow-y:auto}
.save{display:flex;justify-content:flex-end;gap:14px;font-size:.78rem;margin:4px 0 0}.save:empty{display:none}
.charts figure{position:relative}.charts figcaption{padding-right:6rem}.charts .save{position:absolute;top:2px;right:0;margin:0}
details>summary{cursor:pointer;padding:10px 0}
section>details>summary{color:var(--link);margin-top:14px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));gap:18px}
article{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:4px 20px 16px}
article h3{margin-top:14px}
.facts{display:flex;flex-wrap:wrap;gap:4px 24px;font-size:.9rem;margin-top:12px;color:var(--muted)}.facts b{color:var(--text)}
.stack{display:flex;height:22px;border-radius:5px;overflow:hidden;gap:1px;margin:8px 0 12px}.stack i{background:var(--c);flex-basis:0;min-width:3px}
.bars{list-style:none;display:flex;gap:4px;align-items:stretch;height:150px;margin:0;padding:0}
.bars li{flex:1;display:flex;flex-direction:column;justify-content:flex-end;text-align:center;font-size:.75rem;color:var(--muted);min-width:0;height:100%}
.worked{--c:var(--q1)}.fallback{--c:var(--down)}.untried{--c:var(--m0)}
.bars i{display:block;background:var(--c);flex:none}
.bars span{border-top:1px solid var(--rule);padding-top:2px}
.filters{display:flex;flex-wrap:wrap;gap:10px 14px;align-items:end}
.filters label{font-size:.8rem;color:var(--muted);display:flex;flex-direction:column;gap:3px;flex:1 1 130px}.filters .wide{flex:3 1 220px}
select,input,button{font:inherit;font-size:.95rem;color:var(--text);background:var(--card);border:1px solid var(--rule);border-radius:7px;padding:7px 10px;width:100%;min-width:0;height:40px}
button{width:auto;cursor:pointer}#more{margin-top:14px;padding:8px 18px}#more:hover{background:var(--soft)}
.legend button,.sort{all:unset;cursor:pointer}.legend button:hover,.sort:hover{text-decoration:underline}.legend button:focus-visible,.sort:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.legend [aria-pressed=false]{opacity:.4;text-decoration:line-through}.legend .all{display:flex;gap:12px;color:var(--link)}.order{float:right;font-weight:400;font-size:.78rem;color:var(--link)}
[aria-sort=ascending] .sort::after{content:" ↑"}[aria-sort=descending] .sort::after{content:" ↓"}
#count{color:var(--muted);font-size:.86rem;margin:14px 0 8px}
.rollout{background:var(--card);border:1px solid var(--rule);border-radius:10px;margin-bottom:8px}
.rollout>summary{padding:10px 16px;display:flex;flex-wrap:wrap;gap:2px 14px;align-items:center;list-style:none}
.rollout>summary::-webkit-details-marker{display:none}
.rollout>summary .muted{font-size:.86rem}
.rollout>summary .what{flex:1 1 100%;font-size:.88rem;color:var(--muted);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.rollout[open]>summary{border-bottom:1px solid var(--rule)}.rollout[open] .what{display:none}
.chip{font-size:.76rem;font-weight:600;padding:2px 9px;border-radius:20px;background:var(--soft);color:var(--muted)}
.chip.correct{background:var(--up-bg);color:var(--up)}.chip.incorrect{background:var(--bad-bg);color:var(--bad)}.chip.truncated{background:var(--down-bg);color:var(--down)}
.body{padding:4px 16px 16px}
.body h4{font-size:.76rem;font-weight:600;color:var(--muted);margin:14px 0 4px}
.text{font-size:.84rem;line-height:1.55;white-space:pre-wrap;overflow-wrap:anywhere;margin:0;max-height:26rem;overflow-y:auto}
.guidance{border:1px dashed var(--guide);background:var(--guide-bg);border-radius:8px;padding:2px 14px 12px;margin-top:14px}.guidance h4{color:var(--guide);margin-top:10px}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 22px}.beside>div{min-width:0}.unseen{background:none}
.link{display:inline-block;font-size:.8rem;margin-top:12px}
.answers{display:flex;flex-wrap:wrap;gap:0 30px;border-top:1px solid var(--rule);margin-top:16px}
.answers>div{min-width:0}
.evolve{padding-bottom:18px;margin-bottom:18px}.evolve h4{font-size:.86rem;font-weight:620;margin:22px 0 8px}.evolve .said{max-width:52rem}.evolve .note{margin:8px 0 12px}
.budget{background:var(--soft)}.budget i{flex:none}.wide{overflow-x:auto}.lineage{min-width:520px;max-width:780px;overflow:hidden}
.edge{fill:none;stroke:var(--muted);opacity:.55}.merge{stroke-dasharray:4 4}.node{fill:var(--card);stroke:var(--q1);stroke-width:1.6}.drawn{fill:var(--q1)}.top{fill:var(--m1);stroke:var(--m1)}
.lineage a:hover circle,.lineage a:focus circle{stroke:var(--text);stroke-width:2.4}
.key{display:inline-block;width:1.4em;height:.8em;border-radius:2px;background:var(--c)}.key.win{--c:var(--q0)}.key.some{--c:var(--q3)}
.tree{border:1px solid var(--rule);border-radius:8px}.tree.many{max-height:34rem;overflow-y:auto}
.cand+.cand{border-top:1px solid var(--rule)}.cand>summary{display:grid;grid-template-columns:minmax(13rem,18rem) minmax(4rem,1fr) 4.2rem minmax(6rem,3fr) 5.6rem;gap:4px 14px;align-items:center;padding:7px 12px;list-style:none}
.cand>summary::-webkit-details-marker{display:none}.cand>summary:hover{background:var(--soft)}.cand[open]>summary{border-bottom:1px dashed var(--rule)}
.who{padding-left:calc(var(--d)*.8rem);display:flex;flex-wrap:wrap;gap:2px 8px;align-items:baseline}.out .who b{font-weight:400;color:var(--muted)}
.meter{height:8px;border-radius:4px;background:var(--soft);overflow:hidden}.meter i{display:block;height:100%;background:var(--q1)}.out .meter i{background:var(--q3)}
.mean,.when{text-align:right;font-size:.88rem;white-space:nowrap}.mean{font-weight:600}.out .mean{font-weight:400;color:var(--muted)}
.strip{display:block;width:100%;height:16px;background:var(--soft);border-radius:3px}.win{fill:var(--q0)}.some{fill:var(--q3)}
.diff{max-height:none;background:var(--bg);border:1px solid var(--rule);border-radius:8px;padding:8px 12px}
ins{background:var(--up-bg);color:var(--up);text-decoration:none}del{background:var(--bad-bg);color:var(--bad)}
.ids{font-size:.84rem;margin:0;overflow-wrap:anywhere}.fold{margin-top:8px}.fold>summary{color:var(--link)}.tall{max-height:32rem;overflow-y:auto}
.proposals td:last-child{white-space:normal;min-width:16rem}.proposals summary{padding:4px 0;color:var(--link)}.proposals .text{max-width:46rem}
.now{margin-bottom:10px;padding-bottom:12px}.now .facts{align-items:center}.now .meter{width:9rem}.spark{vertical-align:middle;margin-left:6px;background:var(--soft);border-radius:3px}.spark rect{fill:var(--down)}
.warnings{color:var(--down);font-size:.9rem;padding-left:1.2em}
.plain td,.plain th{font-size:.86rem;white-space:nowrap}.plain tbody th{font-weight:500}.setting{max-width:24rem;overflow-wrap:anywhere}.plain .setting{white-space:pre-wrap}.watch{color:var(--muted);font-size:.86rem}.watch input{width:auto;height:auto;vertical-align:-1px}
@media(max-width:640px){header,main{padding-left:16px;padding-right:16px}header{padding-top:26px}h1{font-size:1.5rem}.headline{font-size:1.12rem}
section{padding-top:28px}th,td{padding:8px 10px}.dots{padding:12px 14px}.dotrow{grid-template-columns:1fr 4.6rem;gap:0 10px}.dotrow .track,.dotrow .axis{grid-row:2;grid-column:1/3}
.dotrow .value{grid-row:1;grid-column:2}.chart text{font-size:14px}.results tbody th,.results .corner{max-width:9.5rem;white-space:normal}.results .tag{white-space:normal}}
@media(max-width:760px){.cand>summary{grid-template-columns:1fr 4.2rem;padding:7px 10px}.who{padding-left:calc(var(--d)*.45rem)}.cand .meter{display:none}.cand .mean{grid-column:2;grid-row:1}.strip{grid-column:1/3}.when{display:none}}
@media print{nav,.filters,#more,.save,.watch,.legend .all,.order{display:none}.scroll{overflow:visible}body{background:#fff}}
)css";

}  // namespace pope
